"""The clocks of cases. They are computed from the steps of the case, in the transaction that records the step.

What a clock has announced is in its row: a warning, a breach and a fulfilment are published once, by the step or the
sweeper that sees them first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import LATEST, Event, Query, UnitOfWork
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.business_time import MICROSECOND
from services.interactions.helpdesk.rules.calendars import calendar_of
from services.interactions.helpdesk.rules.clocks import (
    Clock,
    ClockKind,
    ReopenedTime,
    Target,
    Terms,
    Threshold,
    fold,
)
from services.interactions.helpdesk.rules.service_levels import Transition, first_match, steps_of, terms_of


class SlaEvent(Event):
    """The fields of every event about a clock."""

    clock_id: UUID
    """The clock."""
    case_id: UUID
    """The case."""
    kind: ClockKind
    """The answer that the clock waits for."""
    cycle: Annotated[int, Field(description="Counts the clocks of this kind of the case.", examples=[1])]
    policy_id: UUID
    """The policy."""
    policy_version: Annotated[int, Field(description="The version of the policy that holds.", examples=[3])]


class SlaWarned(SlaEvent, type="interactions.sla_warned.v1", partition_key="case_id"):
    """A clock has reached a percentage of its target, and still runs."""

    percent: Annotated[int, Field(description="The percentage.", examples=[75])]
    reached_at: datetime
    """When it was reached."""


class SlaMet(SlaEvent, type="interactions.sla_met.v1", partition_key="case_id"):
    """The answer was given in time."""

    met_at: datetime
    """When it was given."""


class SlaBreached(SlaEvent, type="interactions.sla_breached.v1", partition_key="case_id"):
    """The due time passed without the answer."""

    breached_at: datetime
    """The due time."""


async def start_clocks(work: UnitOfWork, case: tables.SupportCase) -> None:
    """Choose the policy of a case that was just opened, and start its clocks. Without a policy it has none."""
    policy = first_match(await work.select(_ACTIVE_POLICIES), case)
    if policy is None:
        return
    calendar = policy.calendar_id and await work.get(tables.Calendar, policy.calendar_id)
    chosen = tables.CasePolicy(
        case_id=case.id,
        policy_id=policy.id,
        policy_version=policy.version,
        calendar_id=policy.calendar_id,
        calendar_version=calendar.version if calendar else None,
    )
    await work.insert(chosen)
    await update_clocks(work, case.id)


async def update_clocks(work: UnitOfWork, case_id: UUID) -> None:
    """Compute the clocks of a locked case from its steps. Stores what differs and publishes new warnings and ends."""
    stored = {(row.kind, row.cycle): row for row in await work.fetch(_LOCK_CLOCKS, case_id=case_id)}
    for chosen, clocks in await compute_clocks(work, [case_id]):
        for clock in clocks:
            await _store(work, chosen, stored.get((clock.kind, clock.cycle)), clock)


async def compute_clocks(work: UnitOfWork, case_ids: Sequence[UUID]) -> list[tuple["ChosenTerms", list[Clock]]]:
    """Return the clocks of cases, computed from their steps, each with its terms. A case without a policy has none."""
    terms = await work.fetch(_TERMS, case_ids=case_ids)
    if not terms:
        return []
    steps: dict[UUID, list[Transition]] = {}
    for transition in await work.fetch(_TRANSITIONS, case_ids=case_ids):
        steps.setdefault(transition.case_id, []).append(transition)
    return [(each, fold(each.terms(), steps_of(steps[each.case_id]), work.now)) for each in terms]


async def _store(work: UnitOfWork, chosen: "ChosenTerms", before: tables.SlaClock | None, clock: Clock) -> None:
    if before is None:
        named: dict[str, Any] = {"case_id": chosen.case_id, "kind": clock.kind, "cycle": clock.cycle}
        named |= {"policy_id": chosen.policy_id, "policy_version": chosen.policy_version}
        row = await work.insert(tables.SlaClock(**named, **columns_of(clock)))
    else:
        row = await work.update(before, **columns_of(clock))
    publish_news(work, before, row)


def publish_news(work: UnitOfWork, before: tables.SlaClock | None, row: tables.SlaClock) -> None:
    """Publish what a clock has not announced before."""
    said = len(before.warned) if before else 0
    for threshold in row.warned[said:]:
        reached_at = datetime.fromisoformat(threshold["at"])
        event = SlaWarned.from_row(row, clock_id=row.id, percent=threshold["percent"], reached_at=reached_at)
        work.publish(event)
    if row.breached_at is not None and (before is None or before.breached_at is None):
        work.publish(SlaBreached.from_row(row, clock_id=row.id))
    if row.state == "met" and (before is None or before.state != "met"):
        work.publish(SlaMet.from_row(row, clock_id=row.id, met_at=row.ended_at))


# Clocks as they are stored


def columns_of(clock: Clock) -> dict[str, Any]:
    """Return a clock as it is stored."""
    attention_at = None
    if clock.due_at is not None:  # it is breached after its due time, not at it
        next_at = clock.due_at + MICROSECOND
        attention_at = min((clock.thresholds[0].at, next_at)) if clock.thresholds else next_at
    return {
        "state": clock.state,
        "target_us": clock.target.duration // MICROSECOND,
        "target_time": clock.target.time,
        "active_us": clock.active // MICROSECOND,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "due_order": clock.due_at or LATEST,
        "attention_at": attention_at,
        "thresholds": _documents(clock.thresholds),
        "warned": _documents(clock.warned),
        "breached_at": clock.breached_at,
        "ended_at": clock.ended_at,
    }


def clock_of(row: tables.SlaClock) -> Clock:
    """Return a stored clock, for what time alone changes. It does not know what it has carried over."""
    return Clock(
        kind=row.kind,
        cycle=row.cycle,
        target=Target(row.target_us * MICROSECOND, row.target_time),
        started_at=row.started_at,
        state=row.state,
        active=row.active_us * MICROSECOND,
        due_at=row.due_at,
        thresholds=_thresholds(row.thresholds),
        warned=_thresholds(row.warned),
        breached_at=row.breached_at,
        ended_at=row.ended_at,
    )


def _documents(thresholds: Iterable[Threshold]) -> list[dict[str, Any]]:
    return [{"percent": each.percent, "at": each.at.isoformat()} for each in thresholds]


def _thresholds(documents: Sequence[Any]) -> tuple[Threshold, ...]:
    return tuple(Threshold(each["percent"], datetime.fromisoformat(each["at"])) for each in documents)


# The terms and the steps of a case


@dataclass(frozen=True, slots=True)
class ChosenTerms:
    """The versions of the policy and of its calendar that hold for a case."""

    case_id: UUID
    policy_id: UUID
    policy_version: int
    targets: Any
    warn_percents: Any
    pause_on: list[str]
    reopened_time: ReopenedTime
    timezone: str | None
    weekly_hours: Any
    exceptions: Any
    holidays: Any

    def terms(self) -> Terms:
        """Return the terms of the case's clocks."""
        calendar = None
        if self.timezone is not None:
            calendar = calendar_of(self.timezone, self.weekly_hours, self.exceptions, self.holidays)
        return terms_of(self.targets, self.pause_on, self.warn_percents, self.reopened_time, calendar)


_ACTIVE_POLICIES = Query(tables.SlaPolicy, "select * from sla_policy where active order by position, id")
_TERMS = Query(
    ChosenTerms,
    """
    select case_id, case_policy.policy_id, policy_version, targets, warn_percents, pause_on, reopened_time,
        timezone, weekly_hours, exceptions, holidays
    from case_policy
    join sla_policy_version as policy
        on policy.policy_id = case_policy.policy_id and policy.number = case_policy.policy_version
    left join calendar_version as hours
        on hours.calendar_id = case_policy.calendar_id and hours.number = case_policy.calendar_version
    where case_id = any(:case_ids) order by case_id
    """,
)
_LOCK_CLOCKS = Query(tables.SlaClock, "select * from sla_clock where case_id = :case_id order by id for no key update")
_TRANSITIONS = Query(
    Transition,
    """
    select case_id, kind, from_state, to_state, to_priority, message_direction, message_automatic, occurred_at
    from case_transition where case_id = any(:case_ids) order by case_id, number
    """,
)
