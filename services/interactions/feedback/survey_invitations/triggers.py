"""Invitations on events: a survey invites when its triggers apply, once for each case or purchase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis import Feature, IncomingEvent, Query, UnitOfWork, uuid7
from services.interactions.feedback import tables
from services.interactions.feedback.rules import triggers as rules
from services.interactions.feedback.rules.surveys import SubjectKind
from services.interactions.helpdesk.rules.cases import CaseKind

feature = Feature("survey-invitations")


class PurchaseRecorded(IncomingEvent, type="interactions.purchase_recorded.v1"):
    """A customer bought something."""

    purchase_id: UUID
    customer_id: UUID
    purchased_at: datetime
    channel: str | None
    store: str | None


class CaseResolved(IncomingEvent, type="interactions.case_resolved.v1"):
    """A case was resolved."""

    case_id: UUID
    customer_id: UUID | None
    kind: CaseKind
    team: str | None
    agent_id: str | None
    resolved_at: datetime


class PurchaseStatusChanged(IncomingEvent, type="interactions.purchase_status_changed.v1"):
    """An order moved to another status."""

    purchase_id: UUID
    customer_id: UUID
    status: str | None
    changed_at: datetime
    channel: str | None
    store: str | None


@dataclass(frozen=True, slots=True)
class Occasion:
    """A case or a purchase that a survey may ask about, and the facts of its event."""

    about_kind: SubjectKind
    about_id: UUID
    customer_id: UUID
    occurred_at: datetime
    facts: Mapping[str, str | None]
    store: str | None = None
    agent_id: str | None = None


@feature.on_batch(PurchaseRecorded)
async def invite_buyers(work: UnitOfWork, purchases: Sequence[PurchaseRecorded]) -> None:
    """Invite buyers to the surveys that ask about their purchases."""
    occasions = [
        Occasion(
            "purchase",
            each.purchase_id,
            each.customer_id,
            each.purchased_at,
            {"store": each.store, "channel": each.channel},
            store=each.store,
        )
        for each in purchases
    ]
    await _invite(work, "purchase_recorded", occasions)


@feature.on_batch(CaseResolved)
async def invite_after_cases(work: UnitOfWork, cases: Sequence[CaseResolved]) -> None:
    """Invite customers to the surveys that ask about their cases."""
    occasions = [
        Occasion(
            "case",
            each.case_id,
            each.customer_id,
            each.resolved_at,
            {"kind": each.kind, "team": each.team},
            agent_id=each.agent_id,
        )
        for each in cases
        if each.customer_id is not None
    ]
    await _invite(work, "case_resolved", occasions)


@feature.on_batch(PurchaseStatusChanged)
async def invite_on_status_changes(work: UnitOfWork, changes: Sequence[PurchaseStatusChanged]) -> None:
    """Invite buyers to the surveys that ask about a status of their orders."""
    occasions = [
        Occasion(
            "purchase",
            each.purchase_id,
            each.customer_id,
            each.changed_at,
            {"status": each.status, "store": each.store, "channel": each.channel},
            store=each.store,
        )
        for each in changes
    ]
    await _invite(work, "purchase_status_changed", occasions)


async def _invite(work: UnitOfWork, event: rules.TriggerEvent, occasions: Sequence[Occasion]) -> None:
    """Queue an invitation for each survey and each of its occasions, unless there is one."""
    recent = [each for each in occasions if rules.is_recent(each.occurred_at, work.now)]
    if not recent:
        return
    rows: list[dict[str, Any]] = []
    for survey in await work.select(_TRIGGERED, event=[{"event": event}]):
        for occasion in recent:
            trigger = _trigger_for(survey, event, occasion)
            if trigger is not None:
                rows.append(_invitation(work, survey, trigger, occasion))
    # Two concurrent batches with the same subjects would deadlock if they inserted them in different orders.
    rows.sort(key=lambda row: (row["survey_id"], row["about_id"]))
    await work.insert_many_or_ignore(tables.SurveyInvitation, rows)


def _trigger_for(survey: tables.Survey, event: rules.TriggerEvent, occasion: Occasion) -> rules.TriggerDocument | None:
    """Return the first trigger of a survey that applies to an occasion of its sample, or None."""
    for trigger in survey.triggers:
        if trigger["event"] == event and rules.applies(trigger, occasion.facts):
            sampled = rules.is_sampled(survey.id, occasion.about_id, trigger["sample_percent"])
            return trigger if sampled else None
    return None


def _invitation(
    work: UnitOfWork, survey: tables.Survey, trigger: rules.TriggerDocument, occasion: Occasion
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "survey_id": survey.id,
        "customer_id": occasion.customer_id,
        "about_kind": occasion.about_kind,
        "about_id": occasion.about_id,
        "channel": trigger["channel"],
        "store": occasion.store,
        "agent_id": occasion.agent_id,
        "state": "queued",
        "send_at": max(work.now, occasion.occurred_at + timedelta(minutes=trigger["delay_minutes"])),
        "created_at": work.now,
        "created_by": work.actor,
    }


_TRIGGERED = Query(tables.Survey, "select * from survey where state = 'live' and triggers @> :event::jsonb order by id")
