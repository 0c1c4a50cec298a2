"""The relay: publishes the outbox to Kafka. One leader per service, by an advisory lock on its own connection.

It reads the visible rows in order, produces them, and moves them to the archive once Kafka has acknowledged them. It
keeps no cursor, so a transaction that took a lower number and committed late is simply published later. While rows are
left over, each tenant gets an equal part of the next batch.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from chassis.core.events import Envelope, topic_name
from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics, log
from chassis.core.tracing import Span, Tracing
from chassis.db.pool import connect
from chassis.db.statements import Record
from chassis.db.tables import SCHEMA
from chassis.messaging import kafka
from chassis.messaging.partitions import partition_of

BATCH_SIZE = 1_000
MAX_BATCH_BYTES = 800_000
POLL_SECONDS = 0.05
"""How often the outbox is read without a notification: rows of other processes are found by polling."""
NOTIFIED_POLL_SECONDS = 0.5
"""The same where the API runs in this process and notifies the relay: only rows of other replicas wait for it."""
MIN_BATCH_INTERVAL_SECONDS = 0.02
"""Minimum time between the starts of two batches. Events published in between share a batch, which costs Kafka and
every consumer far less CPU. The interval is skipped after a pause, and while rows are left.
"""
STANDBY_SECONDS = 1.0
LOCK = 0x52415050  # "RAPP"

MIN_ROWS_OF_TENANT = 10
MAX_READ_BYTES = 3_000_000
"""Maximum size of the events that are read at a time, so that large events do not fill the memory."""
_READ = """
    select {columns}, data::text as data from (
        select *, sum(size) over (order by place rows unbounded preceding) - size as bytes_before from ({rows}) as row
    ) as row
    where bytes_before < {max_bytes} order by place
"""
COLUMNS = (
    "seq, coalesce(sequence, seq) as sequence, event_id, tenant_id, type, subject, time, actor, traceparent, size, "
    "written_at"
)
_IN_ORDER = f"select *, seq as place from {SCHEMA}.outbox order by seq limit {BATCH_SIZE}"
# Each waiting tenant gives its first rows, so that no tenant waits for the thousands of another. The tenants are found
# by a step in the index for each.
_IN_TURN = f"""
    with recursive waiting(tenant_id) as (
        (select tenant_id from {SCHEMA}.outbox order by tenant_id limit 1)
        union all
        select (select tenant_id from {SCHEMA}.outbox where tenant_id > waiting.tenant_id order by tenant_id limit 1)
        from waiting where waiting.tenant_id is not null
    )
    select event.*, row_number() over (order by turn, seq) as place
    from waiting cross join lateral (
        select *, row_number() over (order by seq) as turn from {SCHEMA}.outbox
        where outbox.tenant_id = waiting.tenant_id
        order by seq limit greatest({MIN_ROWS_OF_TENANT}, {BATCH_SIZE} / (select count(tenant_id) from waiting))
    ) as event
    order by place limit {BATCH_SIZE}
"""
READ_IN_ORDER = _READ.format(columns=COLUMNS, rows=_IN_ORDER, max_bytes=MAX_READ_BYTES)
READ_IN_TURN = _READ.format(columns=COLUMNS, rows=_IN_TURN, max_bytes=MAX_READ_BYTES)
_ARCHIVE = f"""
    with published as (delete from {SCHEMA}.outbox where seq = any($1) returning *)
    insert into {SCHEMA}.published_event (event_id, seq, tenant_id, type, subject, time, actor, traceparent, data)
    select event_id, coalesce(sequence, seq), tenant_id, type, subject, time, actor, traceparent, data
    from published order by seq
    on conflict (event_id) do nothing
"""


class Relay:
    """Runs until cancelled. An error ends the run, and the worker starts another with a new producer."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        metrics: Metrics,
        *,
        is_notified: bool = False,
        tracing: Tracing | None = None,
    ) -> None:
        self._settings = settings
        self._topic = topic_name(service, settings.kafka_topic_prefix)
        self._metrics = metrics
        self._tracing = tracing
        self._poll_seconds = NOTIFIED_POLL_SECONDS if is_notified else POLL_SECONDS
        self._notified = asyncio.Event()
        self._next_batch_at = 0.0
        self._is_behind = False
        self.leading = False

    def notify(self) -> None:
        """Report that a transaction of this process has published events."""
        self._notified.set()

    async def run(self) -> None:
        """Wait for the leadership, then publish rows while it lasts."""
        assert self._settings.worker_database_url is not None
        connection = await connect(self._settings.worker_database_url, self._settings)
        producer: AIOKafkaProducer | None = None
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110
                await asyncio.sleep(STANDBY_SECONDS)
            await kafka.ensure_topics(self._settings, [self._topic])
            producer = self._new_producer()
            await producer.start()
            self.leading = True
            log.info("relay leads")
            while True:
                if not await self._publish_batch(connection, producer):
                    await self._wait_for_work()
        finally:
            self.leading = False
            # After an error the producer must not send what it has buffered: the next producer starts at the first row.
            if producer is not None:
                await _stop(producer)
            connection.terminate()

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            compression_type="snappy",  # a tenth of the CPU of lz4 as aiokafka encodes it, for a third more bytes
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=2_000_000,
            request_timeout_ms=20_000,
            **kafka.client_options(self._settings),
        )

    async def _wait_for_work(self) -> None:
        # Not wait_for: before Python 3.12 it loses a cancellation that arrives together with the result.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._notified.wait()
        await asyncio.sleep(self._next_batch_at - time.monotonic())
        self._notified.clear()

    async def _publish_batch(self, connection: asyncpg.Connection, producer: AIOKafkaProducer) -> bool:
        """Publish the first rows of the outbox. Returns whether rows are left."""
        rows = await connection.fetch(READ_IN_TURN if self._is_behind else READ_IN_ORDER)
        self._is_behind = _reaches_a_limit(rows, in_turn=self._is_behind)
        if not rows:
            return False
        self._next_batch_at = time.monotonic() + MIN_BATCH_INTERVAL_SECONDS
        partitions = len(await producer.partitions_for(self._topic))
        spans: dict[int, Span] = {}
        batches, left = _build_batches(producer, partitions, rows, lambda row: self._envelope(row, spans))
        # One batch per partition at a time. Kafka accepts it whole or not at all, so an event never overtakes a
        # failed earlier event of its key.
        sent = [
            await producer.send_batch(batch, self._topic, partition=number) for number, (batch, _) in batches.items()
        ]
        results = await asyncio.gather(*sent, return_exceptions=True)
        acknowledged = [
            seq
            for (_, seqs), result in zip(batches.values(), results, strict=True)
            if not isinstance(result, BaseException)
            for seq in seqs
        ]
        # Rows are moved only now: after a crash in between they are published again, and the inboxes discard them.
        await connection.execute(_ARCHIVE, acknowledged)
        self._metrics.relayed.inc(len(acknowledged))
        for seq in acknowledged if spans else ():
            spans[seq].end()
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._is_behind = self._is_behind or left
        return self._is_behind

    def _envelope(self, row: Record, spans: dict[int, Span]) -> Envelope:
        """Return the envelope of a row. If traces are on, its parent is a span that began when the row was written."""
        envelope = envelope_of(row)
        if self._tracing is None:
            return envelope
        span = spans[row["seq"]] = self._tracing.start(
            f"publish {envelope.type}",
            "producer",
            envelope.traceparent,
            started_at=row["written_at"],
            system="kafka",
            topic=self._topic,
            message_id=str(envelope.id),
            tenant=str(envelope.tenant),
        )
        return replace(envelope, traceparent=span.traceparent)


def _reaches_a_limit(rows: Sequence[Record], *, in_turn: bool) -> bool:
    """Return whether the limits of a read may have left rows behind."""
    if len(rows) == BATCH_SIZE or sum(row["size"] for row in rows) >= MAX_READ_BYTES:
        return True
    of_tenants = Counter(row["tenant_id"] for row in rows).values() if in_turn else ()
    return any(count >= max(MIN_ROWS_OF_TENANT, BATCH_SIZE // len(of_tenants)) for count in of_tenants)


def _build_batches(
    producer: AIOKafkaProducer,
    count: int,
    rows: Sequence[Record],
    envelope_for: Callable[[Record], Envelope],
) -> tuple[dict[int, tuple[BatchBuilder, list[int]]], bool]:
    """Return a batch per partition (of `count`) with the numbers of its rows, and whether some rows did not fit."""
    batches: dict[int, tuple[BatchBuilder, list[int]]] = {}
    full: set[int] = set()
    for row in rows:
        envelope = envelope_for(row)
        key, value, headers = envelope.key, row["data"].encode(), envelope.to_headers()
        partition = partition_of(key, count)
        if partition not in batches:
            batches[partition] = producer.create_batch(), []
        batch, seqs = batches[partition]
        if partition in full or batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            full.add(partition)
        else:
            seqs.append(row["seq"])
    return batches, bool(full)


def envelope_of(row: Record) -> Envelope:
    """Return the envelope of an outbox row."""
    return Envelope(
        id=row["event_id"],
        type=row["type"],
        tenant=row["tenant_id"],
        subject=row["subject"],
        time=row["time"],
        actor=row["actor"],
        sequence=row["sequence"],
        traceparent=row["traceparent"],
    )


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer without waiting for what an unavailable broker will never accept."""
    stopping = asyncio.ensure_future(producer.stop())
    await asyncio.wait([stopping], timeout=5)
    if not stopping.done():
        stopping.cancel()
        await producer.client.close()
    elif stopping.exception() is not None:
        log.warning("producer did not stop cleanly", error=repr(stopping.exception()))
