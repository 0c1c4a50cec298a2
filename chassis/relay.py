"""The relay: carries the outbox into Kafka. One leader per service, by an advisory lock on its own connection.

It reads the visible rows in order, produces them, and deletes them after all acknowledgements. It keeps no cursor, so
a transaction that took a lower number and committed late is simply found later.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from chassis import kafka
from chassis.database import connect
from chassis.events import Envelope, topic_of
from chassis.settings import Settings
from chassis.tables import SCHEMA
from chassis.telemetry import Metrics, log

BATCH = 1_000
BATCH_BYTES = 800_000
POLL_SECONDS = 0.05
"""The net under the wake-up in process: what another process's API has written is found by polling."""
PACE_SECONDS = 0.02
"""From the begin of one wave to the next: what is published meanwhile goes together, at a fraction of Kafka's CPU and
that of every reader. A wave that leaves rows behind is followed at once, and one after a silence goes at once.
"""
STANDBY_SECONDS = 1.0
LOCK = 0x52415050  # "RAPP"

_READ = f"""
    select seq, event_id, tenant_id, type, subject, time, actor, traceparent, data::text as data
    from {SCHEMA}.outbox order by seq limit {BATCH}
"""


class Relay:
    """Runs until cancelled; a fault ends the run, and the worker begins another with a new producer."""

    def __init__(self, settings: Settings, service: str, metrics: Metrics) -> None:
        self._settings = settings
        self._service = service
        self._metrics = metrics
        self._wake = asyncio.Event()
        self._next_wave_at = 0.0
        self.leading = False

    def wake(self) -> None:
        """A transaction of this process has published."""
        self._wake.set()

    async def run(self) -> None:
        """Leads when it can, and carries rows while it does."""
        assert self._settings.worker_database_url is not None
        connection = await connect(self._settings.worker_database_url, self._settings)
        producer: AIOKafkaProducer | None = None
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110
                await asyncio.sleep(STANDBY_SECONDS)
            topic = topic_of(self._service, self._settings.kafka_topic_prefix)
            await kafka.ensure_topics(self._settings, [topic])
            producer = self._new_producer()
            await producer.start()
            self.leading = True
            log.info("relay leads")
            while True:
                if not await self._carry(connection, producer):
                    await self._rest()
        finally:
            self.leading = False
            # After a fault the producer must not send what it still holds: the next one begins at the first row.
            if producer is not None:
                await _stop(producer)
            connection.terminate()

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=2_000_000,
            request_timeout_ms=20_000,
            **kafka.client_options(self._settings),
        )

    async def _rest(self) -> None:
        # Not wait_for: until Python 3.12 it forgets that it was cancelled when what it waits for comes just then.
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        await asyncio.sleep(self._next_wave_at - time.monotonic())
        self._wake.clear()

    async def _carry(self, connection: asyncpg.Connection, producer: AIOKafkaProducer) -> bool:
        """Carries a wave, and tells whether rows were left behind.

        A wave is one batch of each partition, which Kafka takes whole or not at all, so nothing of a key ever passes
        what came before it. What was acknowledged is deleted; a failure then ends the run.
        """
        rows = await connection.fetch(_READ)
        if not rows:
            return False
        self._next_wave_at = time.monotonic() + PACE_SECONDS
        topic = topic_of(self._service, self._settings.kafka_topic_prefix)
        partitions = sorted(await producer.partitions_for(topic))
        batches, left = _batches_of(producer, partitions, rows)
        sent = [await producer.send_batch(batch, topic, partition=one) for one, (batch, _) in batches.items()]
        results = await asyncio.gather(*sent, return_exceptions=True)
        taken = [
            seq
            for (_, seqs), result in zip(batches.values(), results, strict=True)
            if not isinstance(result, BaseException)
            for seq in seqs
        ]
        await connection.execute(f"delete from {SCHEMA}.outbox where seq = any($1)", taken)
        self._metrics.relayed.inc(len(taken))
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return left or len(rows) == BATCH


def _batches_of(
    producer: AIOKafkaProducer, partitions: list[int], rows: list[Any]
) -> tuple[dict[int, tuple[BatchBuilder, list[int]]], bool]:
    """One batch for each partition, with the rows that it holds, and whether some must wait for the next wave."""
    choose = DefaultPartitioner()
    batches: dict[int, tuple[BatchBuilder, list[int]]] = {}
    full: set[int] = set()
    for row in rows:
        envelope = envelope_of(row)
        partition = choose(envelope.key, partitions, partitions)
        batch, seqs = batches.setdefault(partition, (producer.create_batch(), []))
        value, headers = row["data"].encode(), envelope.to_headers()
        if partition in full or batch.append(timestamp=None, key=envelope.key, value=value, headers=headers) is None:
            full.add(partition)
        else:
            seqs.append(row["seq"])
    return batches, bool(full)


def envelope_of(row: Any) -> Envelope:
    """The envelope of an outbox row."""
    return Envelope(
        id=row["event_id"],
        type=row["type"],
        tenant=row["tenant_id"],
        subject=row["subject"],
        time=row["time"],
        actor=row["actor"],
        sequence=row["seq"],
        traceparent=row["traceparent"],
    )


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stops a producer, without waiting for what a broker that is away will never take."""
    stopping = asyncio.ensure_future(producer.stop())
    await asyncio.wait([stopping], timeout=5)
    if not stopping.done():
        stopping.cancel()
        await producer.client.close()
    elif stopping.exception() is not None:
        log.warning("producer did not stop cleanly", error=repr(stopping.exception()))
