"""Policies of service levels: which one a case gets, its terms, and the steps of a case that its clocks depend on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from typing_extensions import TypedDict

from services.interactions.helpdesk.rules.business_time import Calendar
from services.interactions.helpdesk.rules.cases import ENDED, CaseKind, CasePriority
from services.interactions.helpdesk.rules.clocks import ClockKind, ReopenedTime, Step, Target, TargetTime, Terms


class TargetDocument(TypedDict):
    """How long an answer may take, for a priority or for all others."""

    kind: ClockKind
    priority: CasePriority | None
    seconds: int
    time: TargetTime


class ThresholdDocument(TypedDict):
    """A percentage of a target, and the time at which it is reached."""

    percent: int
    at: str


class Conditions(Protocol):
    """The conditions of a policy. An empty list allows every value."""

    kinds: list[CaseKind]
    categories: list[str]
    priorities: list[CasePriority]
    channels: list[str]


class CaseLike(Protocol):
    """The part of a case that decides about its policy."""

    kind: CaseKind
    category: str | None
    priority: CasePriority
    channel: str


@dataclass(frozen=True, slots=True)
class Transition:
    """The part of a step of a case that its clocks depend on."""

    case_id: UUID
    kind: str
    from_state: str | None
    to_state: str
    to_priority: str
    message_direction: str | None
    message_automatic: bool | None
    occurred_at: datetime


PolicyT = TypeVar("PolicyT", bound=Conditions)


def first_match(policies: Iterable[PolicyT], case: CaseLike) -> PolicyT | None:
    """Return the first policy whose conditions a case meets, or None."""
    return next((policy for policy in policies if _matches(policy, case)), None)


def _matches(policy: Conditions, case: CaseLike) -> bool:
    pairs: Sequence[tuple[Sequence[str], str | None]] = (
        (policy.kinds, case.kind),
        (policy.categories, case.category),
        (policy.priorities, case.priority),
        (policy.channels, case.channel),
    )
    return all(not allowed or value in allowed for allowed, value in pairs)


def terms_of(
    targets: Iterable[Mapping[str, Any]],
    pause_on: Iterable[str],
    warn_percents: Iterable[int],
    reopened_time: ReopenedTime,
    calendar: Calendar | None,
) -> Terms:
    """Return the terms that the columns of a policy describe."""
    return Terms(
        targets={
            (target["kind"], target["priority"]): Target(timedelta(seconds=target["seconds"]), target["time"])
            for target in targets
        },
        calendar=calendar,
        pause_on=frozenset(pause_on),
        warn_percents=tuple(sorted(set(warn_percents))),
        reopened_time=reopened_time,
    )


def steps_of(transitions: Iterable[Transition]) -> list[Step]:
    """Return the steps of a case's clocks. Automatic messages and assignments are none."""
    return [step for transition in transitions for step in _steps(transition)]


def _steps(transition: Transition) -> list[Step]:
    at, state = transition.occurred_at, transition.to_state
    match transition.kind:
        case "opened":
            return [Step("opened", at, transition.to_priority)]
        case "priority_changed":
            return [Step("priority_changed", at, transition.to_priority)]
        case "message_recorded":
            inbound = transition.message_direction == "inbound"
            return [] if transition.message_automatic else [Step("customer_wrote" if inbound else "answered", at)]
        case "state_changed" | "reopened":
            return _steps_of_state(transition.from_state in ENDED, state, at)
    return []


def _steps_of_state(was_ended: bool, state: str, at: datetime) -> list[Step]:
    if state in ENDED:
        return [] if was_ended else [Step("resolved", at)]
    changed = Step("state_changed", at, state)
    return [Step("reopened", at), changed] if was_ended else [changed]
