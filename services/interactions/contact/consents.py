"""Decisions of customers about contacts, on which later messages depend.

Every decision is kept, and the one that counts is computed when it is needed. A grant has its end with it, so the event
of its expiry is not needed.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import Feature, IncomingEvent, UnitOfWork
from services.interactions.contact import tables
from services.interactions.contact.rules.permission import ConsentDecisionKind

feature = Feature("consent-decisions")


class ConsentEvent(IncomingEvent):
    """The fields of the events about receipts."""

    customer_id: UUID
    receipt_id: UUID
    purpose: str
    channel: str
    expires_at: datetime | None = None


class ConsentGranted(ConsentEvent, type="customers.consent_granted.v1"):
    """A customer granted consent."""

    decided_at: datetime


class ConsentWithdrawn(ConsentEvent, type="customers.consent_withdrawn.v1"):
    """A customer withdrew consent."""

    decided_at: datetime


class ConsentRequested(ConsentEvent, type="customers.consent_requested.v1"):
    """A customer was asked to confirm a consent."""

    requested_at: datetime


@feature.on_batch(ConsentGranted)
async def store_grants(work: UnitOfWork, granted: Sequence[ConsentGranted]) -> None:
    """Store the grants, each once."""
    await _store(work, [_row(event, "granted", event.decided_at) for event in granted])


@feature.on_batch(ConsentWithdrawn)
async def store_withdrawals(work: UnitOfWork, withdrawn: Sequence[ConsentWithdrawn]) -> None:
    """Store the withdrawals, each once."""
    await _store(work, [_row(event, "withdrawn", event.decided_at) for event in withdrawn])


@feature.on_batch(ConsentRequested)
async def store_requests(work: UnitOfWork, requested: Sequence[ConsentRequested]) -> None:
    """Store the requests for a consent, each once. They permit nothing."""
    await _store(work, [_row(event, "pending", event.requested_at) for event in requested])


def _row(event: ConsentEvent, decision: ConsentDecisionKind, decided_at: datetime) -> dict[str, object]:
    return {
        "id": event.receipt_id,
        "customer_id": event.customer_id,
        "purpose": event.purpose,
        "channel": event.channel,
        "decision": decision,
        "decided_at": decided_at,
        "expires_at": event.expires_at,
    }


async def _store(work: UnitOfWork, rows: list[dict[str, object]]) -> None:
    await work.insert_many_or_ignore(tables.ConsentDecision, rows)
