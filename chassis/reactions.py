"""Reactions: received events are applied once, in order, each feature for itself, and what cannot be is parked.

A batch is cut by tenant and by feature; each cut is one transaction: inbox rows first, then the events in their order.
A cut that raises is rolled back and repeated one event a transaction; the event that still fails becomes a dead letter
of that feature, the rest go on. A fault that passes (the database is away) is no event's fault: it raises `TryLater`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg

from chassis import json, tenants
from chassis.database import is_away
from chassis.events import Envelope, Incoming
from chassis.feature import Reaction
from chassis.identity import Caller, Tenant
from chassis.ids import uuid7
from chassis.problems import Unavailable
from chassis.settings import Settings
from chassis.tables import SCHEMA
from chassis.telemetry import Metrics, log
from chassis.tenants import TenantChanged, tenant_announced, tenant_of
from chassis.work import RETRIED, Again, Work, transaction

UNREADABLE = "*"
"""Stands for the feature of a dead letter whose envelope could not be read: nobody knows whose it was."""
_PASSING_ATTEMPTS = 20


class TryLater(Exception):
    """Nothing is wrong with the events: deliver them again in a while."""


class TenantUnknown(TryLater):
    """The tenant has not been announced yet; the other tenants' events need not wait for that."""


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it came from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class _Item:
    record: Received
    envelope: Envelope
    reaction: Reaction

    def read(self) -> Incoming:
        if self.record.value is None:
            raise ValueError("the record has no value")
        return self.reaction.incoming.from_record(self.envelope, json.loads(self.record.value))


class Reactor:
    """Applies received events to one service's database."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        reactions: Iterable[Reaction],
        settings: Settings,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._wake = wake
        self._by_type: dict[str, list[Reaction]] = {}
        self._unknown_since: dict[UUID, float] = {}
        for reaction in reactions:
            self._by_type.setdefault(reaction.incoming.event_type, []).append(reaction)

    @property
    def types(self) -> list[str]:
        """What is read."""
        return sorted(self._by_type)

    async def apply(self, records: Iterable[Received]) -> None:
        """Applies or parks each record. Raises TryLater when a passing fault kept some of them from it."""
        cuts: dict[tuple[UUID, str], list[_Item]] = {}
        for record in records:
            try:
                envelope = Envelope.from_headers(record.headers)
            except Exception as error:  # whatever stands there, it is not ours and must not stop the rest
                await self._park(record, UNREADABLE, None, f"unreadable envelope: {error!r}", 1)
                continue
            for reaction in self._by_type.get(envelope.type, []):
                cuts.setdefault((envelope.tenant, reaction.feature), []).append(_Item(record, envelope, reaction))
        # What is known of the tenants comes first: the other features wait for it.
        unknown: TenantUnknown | None = None
        for (_, feature), items in sorted(cuts.items(), key=lambda cut: cut[0][1] != tenants.feature.name):
            try:
                await self._apply_cut(feature, items)
            except TenantUnknown as fault:
                unknown = fault
        if unknown is not None:
            raise unknown

    async def replay(self, letter_id: UUID) -> str | None:
        """Tries a dead letter again: None when it is applied and gone, else why it was not.

        Raises LookupError when there is no such letter, or nobody reacts to it any more.
        """
        row = await self._pool.fetchrow(f"select * from {SCHEMA}.dead_letter where id = $1", letter_id)
        if row is None:
            raise LookupError("there is no such dead letter")
        headers = tuple((name, bytes.fromhex(value)) for name, value in row["headers"])
        record = Received(row["topic"], row["partition"], row["record_offset"], row["key"], headers, row["value"])
        try:
            envelope = Envelope.from_headers(record.headers)
            found = [one for one in self._by_type.get(envelope.type, []) if one.feature == row["feature"]]
            if not found:
                raise LookupError(f"no feature {row['feature']} reacts to {envelope.type}")
            await self._transaction(row["feature"], [_Item(record, envelope, found[0])], letter_id)
        except (LookupError, TryLater):
            raise
        except Exception as error:
            await self._pool.execute(
                f"update {SCHEMA}.dead_letter set attempts = attempts + 1, reason = $2 where id = $1",
                letter_id,
                _reason(error),
            )
            return _reason(error)
        return None

    async def _apply_cut(self, feature: str, items: list[_Item]) -> None:
        try:
            await self._transaction(feature, items)
        except TryLater:
            raise
        except Exception as error:
            log.warning("reactions fail as a batch", feature=feature, events=len(items), error=repr(error))
            for item in items:
                await self._apply_one(feature, item)

    async def _apply_one(self, feature: str, item: _Item) -> None:
        attempts = self._settings.reaction_attempts
        for attempt in range(1, attempts + 1):
            try:
                await self._transaction(feature, [item])
                return
            except TryLater:
                raise
            except Exception as error:
                # What cannot be read today cannot be read in a while: a flood of such must not hold up the rest.
                if attempt == attempts or isinstance(error, ValueError):
                    log.error("event parked", feature=feature, event_id=str(item.envelope.id), exc_info=error)
                    await self._park(item.record, feature, item.envelope, _reason(error), attempt)
                    return
                await asyncio.sleep(0.02 * 2**attempt)

    async def _transaction(self, feature: str, items: list[_Item], letter_id: UUID | None = None) -> None:
        """Applies items in one transaction; again while others stand in the way."""
        for attempt in range(1, _PASSING_ATTEMPTS + 1):
            try:
                await self._once(feature, items, letter_id)
                return
            except (Again, *RETRIED) as error:
                # A constraint that breaks each time is the event's own fault, not another transaction's.
                if attempt == (3 if isinstance(error, asyncpg.UniqueViolationError) else _PASSING_ATTEMPTS):
                    raise
                await asyncio.sleep(0.005 * attempt)
            except Unavailable as error:
                raise TryLater from error
            except Exception as error:
                if is_away(error):
                    raise TryLater from error
                raise

    async def _once(self, feature: str, items: list[_Item], letter_id: UUID | None) -> None:
        tenant = await self._tenant(items[0])
        caller = Caller(tenant, f"reaction:{feature}", frozenset())
        work = Work(self._pool, caller, traceparent=items[0].envelope.traceparent)
        async with transaction(work):
            if letter_id is None:
                fresh = await _note_in_inbox(work, feature, items)
            else:
                if await work.execute(f"delete from {SCHEMA}.dead_letter where id = $1", letter_id) != "DELETE 1":
                    raise LookupError("somebody else has just replayed it")
                fresh = items
            for reaction, group in groupby(fresh, key=lambda item: item.reaction):
                events = [item.read() for item in group]
                await _react(work, reaction, events)
        self._metrics.applied.labels(feature).inc(len(fresh))
        if work.published:
            self._wake()

    async def _tenant(self, item: _Item) -> Tenant:
        if item.reaction.feature == tenants.feature.name:
            announced = item.read()
            assert isinstance(announced, TenantChanged)
            return tenant_announced(announced)
        row = await self._pool.fetchrow(f"select * from {SCHEMA}.tenant where tenant_id = $1", item.envelope.tenant)
        if row is not None:
            self._unknown_since.pop(item.envelope.tenant, None)
            return tenant_of(row)
        since = self._unknown_since.setdefault(item.envelope.tenant, time.monotonic())
        if time.monotonic() - since < self._settings.unknown_tenant_seconds:
            raise TenantUnknown("the tenant has not been announced yet")
        raise LookupError(f"the tenant {item.envelope.tenant} was never announced")

    async def _park(
        self, record: Received, feature: str, envelope: Envelope | None, reason: str, attempts: int
    ) -> None:
        """Writes a dead letter, and in the same statement the inbox row that passes the event."""
        try:
            await self._pool.execute(
                _PARK,
                uuid7(),
                envelope.tenant if envelope else None,
                feature,
                envelope.id if envelope else None,
                envelope.type if envelope else None,
                record.topic,
                record.partition,
                record.offset,
                record.key,
                [[name.replace("\0", ""), (value or b"").hex()] for name, value in record.headers],
                record.value,
                reason,
                attempts,
            )
        except Exception as error:
            if is_away(error):
                raise TryLater from error
            raise
        self._metrics.parked.labels(feature).inc()


async def _react(work: Work, reaction: Reaction, events: Sequence[Incoming]) -> None:
    if reaction.by_batch:
        await reaction.react(work, events)
        return
    for event in events:
        work.traceparent = event.envelope.traceparent
        await reaction.react(work, event)


async def _note_in_inbox(work: Work, feature: str, items: list[_Item]) -> list[_Item]:
    """Keeps the items that this feature has not seen, and notes them as seen. A twin waits here for the first one."""
    ids = sorted({item.envelope.id for item in items})
    rows = await work.fetch(_NOTE, work.tenant.id, ids, feature)
    fresh = {row["event_id"] for row in rows}
    kept = []
    for item in items:
        if item.envelope.id in fresh:
            fresh.discard(item.envelope.id)
            kept.append(item)
    return kept


def _reason(error: Exception) -> str:
    text: Any = error
    return f"{type(error).__name__}: {text}".replace("\0", "")[:2000]


_NOTE = f"""
    insert into {SCHEMA}.inbox (tenant_id, event_id, feature)
    select $1, id, $3 from unnest($2::uuid[]) as id on conflict do nothing returning event_id
"""
_PARK = f"""
    with noted as (
        insert into {SCHEMA}.inbox (tenant_id, event_id, feature)
        select $2, $4, $3 where $4::uuid is not null on conflict do nothing
    )
    insert into {SCHEMA}.dead_letter
        (id, tenant_id, feature, event_id, type, topic, partition, record_offset, key, headers, value, reason, attempts)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13)
    on conflict (topic, partition, record_offset, feature) do nothing
"""
