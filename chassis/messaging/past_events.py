"""Past events: those that this service has published, for features that look back at them. Only workers read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.core.events import Envelope
from chassis.db.statements import Query
from chassis.db.tables import SCHEMA
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import first_uuid7_at

TOLERANCE = timedelta(days=1)
"""How much earlier than its time the id of an event may be, because of clocks that differ."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event of the tenant, as it was published. An erasure has removed what it said of erased persons."""

    envelope: Envelope
    value: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    event_id: UUID
    seq: int
    type: str
    subject: str
    time: datetime
    actor: str
    data: str


async def past_events(
    work: UnitOfWork, type: str, since: datetime, until: datetime, *, after: UUID | None, scanned: int
) -> tuple[Sequence[PastEvent], UUID | None]:
    """Return the tenant's events of a type and a time, among the next `scanned` events of all tenants after an id.

    Also returns the last of these ids, to go on after it, or None if none was left.
    """
    # The times of a sandbox are those of its own clock, so its ids do not tell where they begin.
    start = UUID(int=0) if work.tenant.kind == "sandbox" else first_uuid7_at(since - TOLERANCE)
    after = max(start, after or start)
    ids = await work.select(_NEXT_IDS, after=after, scanned=scanned)
    if not ids:
        return [], None
    rows = await work.select(
        _EVENTS, tenant=work.tenant.id, type=type, since=since, until=until, after=after, last=ids[-1]
    )
    return [_past_event(work, row) for row in rows], ids[-1]


def _past_event(work: UnitOfWork, row: _Row) -> PastEvent:
    envelope = Envelope(
        id=row.event_id,
        type=row.type,
        tenant=work.tenant.id,
        subject=row.subject,
        time=row.time,
        actor=row.actor,
        sequence=row.seq,
        traceparent=None,
    )
    return PastEvent(envelope, row.data.encode())


_NEXT_IDS = Query(
    UUID, f"select event_id from {SCHEMA}.published_event where event_id > :after order by event_id limit :scanned"
)
_EVENTS = Query(
    _Row,
    f"""
    select event_id, seq, type, subject, time, actor, data::text as data from {SCHEMA}.published_event
    where event_id > :after and event_id <= :last and tenant_id = :tenant and type = :type
        and time >= :since and time < :until
    order by event_id
    """,
)
