"""The records on an agent card, read by a single statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Money, Query
from services.interactions.helpdesk.rules.cases import CasePriority
from services.interactions.overview.agent_cards.schemas import (
    CardCase,
    CardContact,
    CardPromise,
    CardPurchase,
    CardWarning,
)


@dataclass(frozen=True, slots=True)
class CardRecord:
    """A record on a card. Only some kinds of records have each of the last columns."""

    kind: str
    id: UUID
    at: datetime
    label: str | None
    channel: str | None
    state: str | None
    priority: CasePriority | None
    is_answered: bool
    minor: int | None
    currency: str | None


def contact_of(record: CardRecord) -> CardContact:
    """Return a contact."""
    return CardContact(
        id=record.id,
        occurred_at=record.at,
        channel=record.channel or "",
        direction=record.state or "",
        subject=record.label,
    )


def purchase_of(record: CardRecord) -> CardPurchase:
    """Return a purchase."""
    total = Money.of(record.minor or 0, record.currency or "")
    return CardPurchase(id=record.id, purchased_at=record.at, store=record.label, total=total)


def case_of(record: CardRecord) -> CardCase:
    """Return a case."""
    return CardCase(
        id=record.id,
        subject=record.label or "",
        state=record.state or "",
        priority=record.priority or "normal",
        opened_at=record.at,
        is_answered=record.is_answered,
    )


def promise_of(record: CardRecord) -> CardPromise:
    """Return a promise."""
    return CardPromise(id=record.id, what=record.label or "", due_at=record.at)


def warning_of(record: CardRecord) -> CardWarning:
    """Return the warning of a conduct incident."""
    return CardWarning(
        id=record.id,
        kind=record.label or "",
        severity=record.channel or "",
        state=record.state or "",
        occurred_at=record.at,
    )


# A single round trip. Each part reads as many rows of one customer as the card shows, in the order of an index.
RECORDS = Query(
    CardRecord,
    """
    (
        select 'touch_point' as kind, id, occurred_at as at, subject as label, channel, direction as state,
               null::text as priority, false as is_answered, null::bigint as minor, null::text as currency
        from touch_point where customer_id = :customer_id order by occurred_at desc, id desc limit 3
    ) union all (
        select 'purchase', id, purchased_at, store, channel, null, null, false, total_minor, currency
        from purchase where customer_id = :customer_id order by purchased_at desc, id desc limit 1
    ) union all (
        select 'case', id, opened_at, subject, channel, state, priority, first_response_at is not null, null, null
        from support_case
        where customer_id = :customer_id and state not in ('resolved', 'decision_communicated', 'closed')
        order by opened_at desc, id desc limit 10
    ) union all (
        select 'promise', id, due_at, what, null, state, null, false, null, null
        from promise where customer_id = :customer_id and state = 'open' order by due_at, id limit 10
    ) union all (
        select 'regret', id, broken_at, what, null, state, null, false, null, null
        from promise where customer_id = :customer_id and state = 'broken' order by due_at desc, id desc limit 1
    ) union all (
        select 'warning', id, occurred_at, kind, severity, state, null, false, null, null
        from conduct_incident where customer_id = :customer_id and state <> 'dismissed'
        order by occurred_at desc, id desc limit 10
    )
    """,
)
