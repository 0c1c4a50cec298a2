"""Queues of received events, one per tenant, so that no tenant's slow or failing events delay another's.

A few tenants at a time have a batch of their events applied, in turn. A tenant's events are applied in the order of
their arrival. A transient failure lets its own tenant wait, and the others go on.

The memory of the queues is limited. A tenant that exceeds its share has its further events stored in a table, the
backlog, and applied from there: a partition holds the events of all tenants, so it cannot wait for one of them. The
events of a tenant that is alone need no backlog: they stay in Kafka until there is room.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from chassis.core.retry import Backoff, retry
from chassis.core.telemetry import log
from chassis.db.pool import TRANSIENT_ERRORS, is_transient
from chassis.db.tables import SCHEMA
from chassis.messaging import tenants
from chassis.messaging.dispatcher import EventDispatcher, TransientFailure
from chassis.messaging.records import KafkaRecord, stored_columns, stored_record
from chassis.types import json

CONCURRENCY = 4
"""How many tenants have events applied at a time. Each takes a connection of the worker's pool."""
BATCH_SIZE = 1_000
SHARED_BATCH_SIZE = 100
"""Events of a tenant that are applied at a time while there are other tenants."""
PRESENT_SECONDS = 3600.0
"""How long a tenant counts as present after its last event."""
MAX_QUEUED_BYTES = 16_000_000
"""Maximum size of all queues. A tenant's share is an equal part of it."""
RECORD_OVERHEAD_BYTES = 2_000
"""Estimated memory of a record beside its value."""
NO_TENANT = UUID(int=0)
"""The tenant of records whose envelope cannot be read."""
_BACKOFF = Backoff(0.1, 5.0)
Partition = tuple[str, int]


@dataclass(slots=True)
class _Queue:
    """The events of a tenant that wait in memory."""

    records: deque[KafkaRecord] = field(default_factory=deque)
    bytes: int = 0
    in_progress: list[KafkaRecord] = field(default_factory=list)
    running: asyncio.Task[None] | None = None

    def append(self, record: KafkaRecord) -> None:
        self.records.append(record)
        self.bytes += _size(record)

    def take(self, count: int) -> list[KafkaRecord]:
        """Remove and return the first records."""
        taken = [self.records.popleft() for _ in range(min(count, len(self.records)))]
        self.bytes -= sum(map(_size, taken))
        return taken

    def put_back(self, records: Sequence[KafkaRecord]) -> None:
        """Insert records before the others."""
        self.records.extendleft(reversed(records))
        self.bytes += sum(map(_size, records))


class _Progress:
    """The offsets of a partition that have been received and not been applied yet."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next = 0

    def start(self, offset: int) -> None:
        """Note an offset, in ascending order."""
        self._open.append(offset)
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Note that an offset needs nothing more."""
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            self._done.discard(self._open.popleft())

    @property
    def next(self) -> int:
        """The offset before which everything has been applied."""
        return self._open[0] if self._open else self._next


class TenantQueues:
    """Received events on their way to the dispatcher. Its owner calls `add`, and commits `positions`."""

    def __init__(self, dispatcher: EventDispatcher, pool: asyncpg.Pool) -> None:
        self._dispatcher = dispatcher
        self._pool = pool
        self._queues: dict[UUID, _Queue] = {}
        self._stored: set[UUID] = set()
        """Tenants with events in the backlog. Their further events follow there, to stay in order."""
        self._seen: dict[UUID, float] = {}
        self._progress: dict[Partition, _Progress] = {}
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def positions(self) -> dict[Partition, int]:
        """The offset of each partition before which everything has been applied or stored."""
        return {partition: progress.next for partition, progress in self._progress.items()}

    @property
    def has_work(self) -> bool:
        """True if events wait in memory or in the backlog."""
        return bool(self._queues)

    @property
    def is_full(self) -> bool:
        """True if a tenant that is alone has used up the memory. The owner then waits before it adds more."""
        return sum(queue.bytes for queue in self._queues.values()) > MAX_QUEUED_BYTES

    async def add(self, records: Iterable[KafkaRecord]) -> None:
        """Queue records in the order of their arrival. Raises the error that has stopped a queue."""
        if self._failure.done():
            self._failure.result()
        excess: dict[UUID, list[KafkaRecord]] = {}
        for record in records:
            self._progress.setdefault((record.topic, record.partition), _Progress()).start(record.offset)
            tenant, type = _address(record)
            if tenant != NO_TENANT and not self._dispatcher.handles(type):
                self._finish([record])
                continue
            queue = self._queue(tenant)
            if type == tenants.TenantChanged.event_type:
                queue.put_back([record])  # the tenant's other events may wait for it
            elif tenant in self._stored or tenant in excess or self._exceeds_share(queue):
                excess.setdefault(tenant, []).append(record)
            else:
                queue.append(record)
        for tenant, queue in list(self._queues.items()):
            if queue.records:
                self._wake(tenant)
        for tenant, records_of_tenant in excess.items():
            await self._store(tenant, records_of_tenant)

    async def load_backlog(self) -> None:
        """Continue with the events in the backlog. Another replica may have stored them."""
        rows = await self._pool.fetch(f"select distinct tenant_id from {SCHEMA}.backlog")
        for row in rows:
            self._stored.add(row["tenant_id"])
            self._wake(row["tenant_id"])

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Remove the records of partitions that another replica reads from now on."""
        lost = set(partitions)
        for partition in lost:
            self._progress.pop(partition, None)
        for queue in self._queues.values():
            kept = [record for record in queue.take(len(queue.records)) if (record.topic, record.partition) not in lost]
            queue.put_back(kept)

    async def close(self) -> None:
        """Stop. Transactions that are running are rolled back, and their events will be received again."""
        running = {queue.running for queue in self._queues.values() if queue.running is not None}
        while running:  # a library may lose a cancellation, so it is repeated
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=2)
        self._failure.cancel()

    def _queue(self, tenant: UUID) -> _Queue:
        self._seen[tenant] = time.monotonic()
        return self._queues.setdefault(tenant, _Queue())

    def _exceeds_share(self, queue: _Queue) -> bool:
        return queue.bytes > MAX_QUEUED_BYTES // len(self._queues) and self._is_shared()

    def _is_shared(self) -> bool:
        since = time.monotonic() - PRESENT_SECONDS
        return sum(seen > since for seen in self._seen.values()) > 1

    def _wake(self, tenant: UUID) -> None:
        queue = self._queue(tenant)
        if queue.running is None:
            queue.running = asyncio.create_task(self._run(tenant, queue))
            queue.running.add_done_callback(self._report)

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and not self._failure.done():
            self._failure.set_exception(task.exception() or AssertionError)

    async def _run(self, tenant: UUID, queue: _Queue) -> None:
        """Apply a tenant's events until none is left, in memory or in the backlog."""
        failures = 0
        while queue.records or tenant in self._stored:
            async with self._slots:
                applied = await self._apply_some(tenant, queue)
            failures = 0 if applied else failures + 1
            if failures:
                await asyncio.sleep(_BACKOFF.pause(failures))
        del self._queues[tenant]

    async def _apply_some(self, tenant: UUID, queue: _Queue) -> bool:
        """Apply the first events of a tenant. After a transient failure, leave them where they were: return False."""
        size = SHARED_BATCH_SIZE if self._is_shared() else BATCH_SIZE
        records = queue.in_progress = queue.take(size)
        try:
            if records:
                await self._dispatcher.apply(records)
                self._finish(records)
            else:
                await self._apply_from_backlog(tenant, size)
        except TransientFailure as error:
            log.warning("events wait", tenant=str(tenant), reason=repr(error.__cause__ or error))
            queue.put_back(records)
            return False
        finally:
            queue.in_progress = []
        return True

    async def _apply_from_backlog(self, tenant: UUID, size: int) -> None:
        try:
            rows = await self._pool.fetch(_READ_BACKLOG, tenant, size)
            if not rows:
                self._stored.discard(tenant)
                return
            await self._dispatcher.apply([stored_record(row) for row in rows])
            await self._pool.execute(_DELETE_BACKLOG, [row["id"] for row in rows])
        except Exception as error:
            if is_transient(error):
                raise TransientFailure from error
            raise

    async def _store(self, tenant: UUID, records: Sequence[KafkaRecord]) -> None:
        """Store events in the backlog. Waits while the database is unavailable.

        The first events take along those before them, also those in progress: after a crash they would be received
        again, and would follow the later ones. The inbox discards what is then applied twice.
        """
        if tenant not in self._stored:
            log.warning("a tenant's events go to the backlog", tenant=str(tenant))
            queue = self._queue(tenant)
            records = [*queue.in_progress, *queue.take(len(queue.records)), *records]
        columns = list(map(list, zip(*map(stored_columns, records), strict=True)))
        columns[4] = list(map(json.dumps_str, columns[4]))  # asyncpg would send lists as one array of more dimensions
        await retry(
            lambda _: self._pool.execute(_ADD_TO_BACKLOG, tenant, *columns),
            on=TRANSIENT_ERRORS,
            attempts=lambda error: sys.maxsize if is_transient(error) else 1,
            backoff=_BACKOFF,
        )
        self._finish(records)
        self._stored.add(tenant)
        self._wake(tenant)

    def _finish(self, records: Iterable[KafkaRecord]) -> None:
        for record in records:
            progress = self._progress.get((record.topic, record.partition))
            if progress is not None:
                progress.finish(record.offset)


def _address(record: KafkaRecord) -> tuple[UUID, str]:
    """Return the tenant and the type of a record. An unreadable record gets NO_TENANT; the dispatcher reports it."""
    headers = dict(record.headers)
    try:
        return UUID(headers["ce_tenantid"].decode()), headers["ce_type"].decode()
    except (KeyError, ValueError):
        return NO_TENANT, ""


def _size(record: KafkaRecord) -> int:
    return len(record.value or b"") + RECORD_OVERHEAD_BYTES


_READ_BACKLOG = f"select * from {SCHEMA}.backlog where tenant_id = $1 order by id limit $2"
_DELETE_BACKLOG = f"delete from {SCHEMA}.backlog where id = any($1)"
_ADD_TO_BACKLOG = f"""
    insert into {SCHEMA}.backlog (tenant_id, topic, partition, record_offset, key, headers, value)
    select $1, topic, partition, record_offset, key, headers::jsonb, value
    from unnest($2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::text[], $7::bytea[])
    as event(topic, partition, record_offset, key, headers, value)
"""
