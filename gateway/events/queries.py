"""Reads and writes of the feed that its features share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from chassis.core.events import Envelope
from gateway.events.rules.event_types import like_pattern
from gateway.proxy.signals import FEED_CHANNEL


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the feed."""

    position: int
    id: UUID
    type: str
    subject: str
    time: datetime
    sequence: int
    actor: str
    traceparent: str | None
    data: str

    def to_json(self, tenant: UUID) -> bytes:
        """Return the event in CloudEvents' JSON format, as webhooks deliver it."""
        envelope = Envelope(
            id=self.id,
            type=self.type,
            tenant=tenant,
            subject=self.subject,
            time=self.time,
            actor=self.actor,
            sequence=self.sequence,
            traceparent=self.traceparent,
        )
        return envelope.to_json(self.data)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the feed: after an event."""

    position: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Positions:
    """The first and the last position of events that were added. Null if there were none."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The events to read: of any of these types or patterns, and of a subject. Empty and None select all."""

    types: Sequence[str] = ()
    subject: str | None = None


async def append(work: UnitOfWork, events: Sequence[tuple[Envelope, str]]) -> Positions:
    """Add events to the end of the feed, except those that it contains already, and wake its readers.

    Returns the positions of the events that were added.

    The lock makes positions of a tenant appear in their order: the next transaction takes its numbers after the commit.
    """
    await work.execute(_LOCK, tenant=str(work.tenant.id))
    envelopes = [envelope for envelope, _ in events]
    added = await work.fetch_row(
        _APPEND,
        ids=[envelope.id for envelope in envelopes],
        types=[envelope.type for envelope in envelopes],
        subjects=[envelope.subject for envelope in envelopes],
        times=[envelope.time for envelope in envelopes],
        sequences=[envelope.sequence for envelope in envelopes],
        actors=[envelope.actor for envelope in envelopes],
        traceparents=[envelope.traceparent for envelope in envelopes],
        data=[data for _, data in events],
    )
    await work.execute(_NOTIFY, channel=FEED_CHANNEL, tenant=str(work.tenant.id))
    return added


async def place_after(work: UnitOfWork, id: UUID) -> Place | None:
    """Return the place after an event, or None if the feed does not contain it."""
    return next(iter(await work.select(_PLACE_AFTER, id=id)), None)


async def end_of_feed(work: UnitOfWork) -> Place | None:
    """Return the place after the newest event, or None if there is none."""
    return next(iter(await work.select(_END)), None)


async def read_after(work: UnitOfWork, place: Place | None, selection: Selection, limit: int) -> list[StoredEvent]:
    """Return the first events after a place, or from the beginning."""
    after = 0 if place is None else place.position
    likes = [like_pattern(pattern) for pattern in selection.types]
    if selection.subject is not None:
        return await work.select(_OF_SUBJECT, after=after, limit=limit, subject=selection.subject, likes=likes or ["%"])
    if likes:
        return await work.select(_OF_TYPES, after=after, limit=limit, likes=likes)
    return await work.select(_ALL, after=after, limit=limit)


_LOCK = Command("select pg_advisory_xact_lock(hashtextextended('feed:' || :tenant, 0))")
_APPEND = Query(
    Positions,
    """
    with added as (
        insert into feed_event (id, type, subject, time, sequence, actor, traceparent, data, recorded_at)
        select id, type, subject, time, sequence, actor, traceparent, data, clock_timestamp()
        from unnest(
            :ids::uuid[], :types::text[], :subjects::text[], :times::timestamptz[], :sequences::bigint[],
            :actors::text[], :traceparents::text[], :data::text[]
        ) with ordinality as event(id, type, subject, time, sequence, actor, traceparent, data, number)
        order by number
        on conflict (tenant_id, id) do nothing
        returning position
    )
    select min(position) as first, max(position) as last from added
    """,
)
_NOTIFY = Command("select pg_notify(:channel, :tenant)")
_PLACE_AFTER = Query(Place, "select position, id from feed_event where id = :id")
_END = Query(Place, "select position, id from feed_event order by position desc limit 1")
_COLUMNS = "position, id, type, subject, time, sequence, actor, traceparent, data"
_ALL = Query(StoredEvent, f"select {_COLUMNS} from feed_event where position > :after order by position limit :limit")
_OF_SUBJECT = Query(
    StoredEvent,
    f"""
    select {_COLUMNS} from feed_event where subject = :subject and position > :after and type like any(:likes::text[])
    order by position limit :limit
    """,
)
# A rare type is found by its index, however many events of other types lie between. The tenant's types are found by a
# step in the index for each.
_OF_TYPES = Query(
    StoredEvent,
    f"""
    with recursive present(type) as (
        (select type from feed_event order by type limit 1)
        union all
        select (select type from feed_event where type > present.type order by type limit 1)
        from present where present.type is not null
    )
    select event.* from present cross join lateral (
        select {_COLUMNS} from feed_event where type = present.type and position > :after
        order by position limit :limit
    ) as event
    where present.type like any(:likes::text[]) order by event.position limit :limit
    """,
)
