"""Reconciliation: compare what services have published with what each feature that reads it has applied.

A publisher keeps its events in `published_event`, a reader the ids of applied events in its inbox. Both are counted and
hashed by tenant, type and day. Where a count or a hash differs, the same is done by minute, and then the ids themselves
are compared. The time of an event is that of its id (RFC 9562, version 7).

Events on their way are not missing. So the outboxes get time to be published, then the published events are read, and
each reader gets time to pass the ends of its topics before its inbox is read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis.core.events import matches
from chassis.db.statements import Record
from chassis.db.tables import SCHEMA
from chassis.feature import EventHandler
from chassis.messaging.status import StatusReader
from chassis.types.ids import first_uuid7_at

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Events of a tenant and a type, in the period that starts at `start`."""

    tenant: UUID
    type: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of events, and a hash over their ids that does not depend on their order."""

    events: int = 0
    hash: int = 0


@dataclass(frozen=True)
class Side:
    """A service that takes part, with a pool of its worker's login."""

    service: str
    handlers: Sequence[EventHandler]
    pool: asyncpg.Pool
    status: StatusReader


@dataclass
class Gap:
    """Events of a tenant, a type and a day that a feature has not applied, or that their publisher does not know."""

    reader: str
    feature: str
    bucket: Bucket
    missing: list[UUID] = field(default_factory=list)
    """Published and not applied."""
    unknown: list[UUID] = field(default_factory=list)
    """Applied, but neither published nor in the outbox: the publisher was restored from an older backup."""


@dataclass
class Report:
    """The result of a comparison."""

    compared: int = 0
    """Events that were published in the period, counted once for each feature that reads them."""
    gaps: list[Gap] = field(default_factory=list)
    dead_letters: dict[str, int] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)
    """Services that did not publish their outbox in time, or did not pass the ends of their topics. Missing events may
    only be waiting.
    """

    @property
    def is_complete(self) -> bool:
        """True if every published event has been applied by every feature that reads it."""
        return not (self.gaps or self.behind or any(self.dead_letters.values()))


async def reconcile(sides: Sequence[Side], since: datetime, wait_seconds: float) -> Report:
    """Compare all services. `wait_seconds` is the time that readers get to pass the ends of their topics."""
    report = Report()
    report.behind += [side.service for side in sides if not await _empties_outbox(side.pool, wait_seconds)]
    names = {side.service for side in sides}
    ends = {side.service: await _last_position(side.pool) for side in sides}
    published = {side.service: await _published(side.pool, "day", since, ends[side.service]) for side in sides}
    pools = {side.service: side.pool for side in sides}
    for side in sides:
        status = await side.status.read()
        report.dead_letters[side.service] = status.dead_letters
        handlers = [handler for handler in side.handlers if _publisher(handler) in names]
        if not handlers:
            continue
        if not await _passes_ends(side.status, wait_seconds):
            report.behind.append(side.service)
        applied = await _applied(side.pool, "day", since)
        for handler in handlers:
            publisher, type = _publisher(handler), handler.event.event_type
            expected = {bucket: tally for bucket, tally in published[publisher].items() if matches(type, bucket.type)}
            report.compared += sum(tally.events for tally in expected.values())
            for bucket in _differing(expected, applied.get(handler.feature, {}), type):
                gap = await _find_ids(handler, side, pools[publisher], bucket, ends[publisher])
                if gap.missing or gap.unknown:
                    report.gaps.append(gap)
    return report


def _publisher(handler: EventHandler) -> str:
    return handler.event.event_type.partition(".")[0]


def _differing(expected: Mapping[Bucket, Tally], applied: Mapping[Bucket, Tally], type: str) -> list[Bucket]:
    buckets = {*expected, *(bucket for bucket in applied if matches(type, bucket.type))}
    return sorted(bucket for bucket in buckets if expected.get(bucket) != applied.get(bucket))


async def _empties_outbox(publisher: asyncpg.Pool, wait_seconds: float) -> bool:
    """Wait until the present rows of an outbox are published, among them events that are published again."""
    last = await publisher.fetchval(f"select coalesce(max(seq), 0) from {SCHEMA}.outbox")
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while await publisher.fetchval(f"select exists (select from {SCHEMA}.outbox where seq <= $1)", last):
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _passes_ends(status: StatusReader, wait_seconds: float) -> bool:
    """Wait until a reader has applied what its topics contain now. Returns whether it has."""
    end: int | None = None
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        now = await status.read()
        if now.applied is not None and now.consumer_lag is not None:
            end = now.applied + now.consumer_lag if end is None else end
            if now.applied >= end:
                return True
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)


async def _find_ids(handler: EventHandler, reader: Side, publisher: asyncpg.Pool, day: Bucket, end: int) -> Gap:
    """Compare a day minute by minute, and the ids of the minutes that differ."""
    gap = Gap(reader.service, handler.feature, day)
    until = day.start + timedelta(days=1)
    published = await _published(publisher, "minute", day.start, end, until, day)
    applied = await _applied(reader.pool, "minute", day.start, until, day)
    for minute in _differing(published, applied.get(handler.feature, {}), day.type):
        bounds = (first_uuid7_at(minute.start), first_uuid7_at(minute.start + timedelta(minutes=1)))
        sent = await _ids(publisher, _PUBLISHED_IDS, day.tenant, day.type, *bounds, end)
        # Rows from before the inbox had types count as applied. Ids are unique over all types.
        seen = await _ids(reader.pool, _APPLIED_IDS, day.tenant, handler.feature, *bounds, None)
        typed = await _ids(reader.pool, _APPLIED_IDS, day.tenant, handler.feature, *bounds, day.type)
        gap.missing += sorted(sent - seen)
        gap.unknown += sorted(await _ids(publisher, _NOT_PUBLISHED, list(typed - sent)))
    return gap


async def _last_position(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval(f"select coalesce(max(position), 0) from {SCHEMA}.published_event"))


async def _published(
    pool: asyncpg.Pool, unit: str, since: datetime, end: int, until: datetime | None = None, of: Bucket | None = None
) -> dict[Bucket, Tally]:
    rows = await pool.fetch(_PUBLISHED, unit, *_arguments(since, until, of), end)
    return {_bucket(row): Tally(row["events"], row["hash"]) for row in rows}


async def _applied(
    pool: asyncpg.Pool, unit: str, since: datetime, until: datetime | None = None, of: Bucket | None = None
) -> dict[str, dict[Bucket, Tally]]:
    tallies: dict[str, dict[Bucket, Tally]] = {}
    for row in await pool.fetch(_APPLIED, unit, *_arguments(since, until, of), since - timedelta(days=1)):
        tallies.setdefault(row["feature"], {})[_bucket(row)] = Tally(row["events"], row["hash"])
    return tallies


def _arguments(since: datetime, until: datetime | None, of: Bucket | None) -> list[object]:
    last = UUID(int=2**128 - 1) if until is None else first_uuid7_at(until)
    return [first_uuid7_at(since), last, of.tenant if of else None, of.type if of else None]


def _bucket(row: Record) -> Bucket:
    return Bucket(row["tenant_id"], row["type"], row["start"])


async def _ids(pool: asyncpg.Pool, sql: str, *values: object) -> set[UUID]:
    return {row["event_id"] for row in await pool.fetch(sql, *values)}


_TALLIES = """
    date_trunc($1, uuid_extract_timestamp(event_id), 'UTC') as start,
    count(*) as events, bit_xor(uuid_hash_extended(event_id, 0)) as hash
"""
_WHERE = """
    event_id >= $2 and event_id < $3 and ($4::uuid is null or tenant_id = $4) and ($5::text is null or type = $5)
"""
_PUBLISHED = f"""
    select tenant_id, type, {_TALLIES} from {SCHEMA}.published_event where {_WHERE} and position <= $6
    group by tenant_id, type, start
"""
_APPLIED = f"""
    select tenant_id, feature, type, {_TALLIES} from {SCHEMA}.inbox where {_WHERE} and applied_at >= $6
    and type is not null group by tenant_id, feature, type, start
"""
_PUBLISHED_IDS = f"""
    select event_id from {SCHEMA}.published_event
    where tenant_id = $1 and type = $2 and event_id >= $3 and event_id < $4 and position <= $5
"""
_APPLIED_IDS = f"""
    select event_id from {SCHEMA}.inbox
    where tenant_id = $1 and feature = $2 and event_id >= $3 and event_id < $4 and ($5::text is null or type = $5)
"""
_NOT_PUBLISHED = f"""
    select event_id from unnest($1::uuid[]) as event_id
    where event_id >= (select event_id from {SCHEMA}.published_event order by event_id limit 1)  -- in its time
    except select event_id from {SCHEMA}.published_event where event_id = any($1)
    except select event_id from {SCHEMA}.outbox where event_id = any($1)
"""
