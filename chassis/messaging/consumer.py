"""The consumer: polls the topics that a service reads, has the records applied, then commits the offsets to Kafka.

The database commits first, and Kafka after it, for everything applied within a tenth of a second. The inbox discards
duplicates, so a killed consumer, a rebalance or a zombie changes nothing.
"""

import asyncio
import socket
import time
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from chassis.core.events import topic_name
from chassis.core.retry import Backoff
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.messaging import kafka
from chassis.messaging.dispatcher import EventDispatcher, KafkaRecord, TransientFailure

BATCH_SIZE = 1_000
COMMIT_INTERVAL_SECONDS = 0.1
REBALANCE_ERRORS = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)
_BACKOFF = Backoff(0.1, 5.0)


def group_name(settings: Settings, service: str) -> str:
    """Return the consumer group of a service."""
    return f"{settings.kafka_topic_prefix}.{service}"


class Consumer:
    """Runs until cancelled. An error ends the run, and the worker starts another."""

    def __init__(self, settings: Settings, service: str, dispatcher: EventDispatcher) -> None:
        self._settings = settings
        self._service = service
        self._dispatcher = dispatcher
        self._applied: dict[TopicPartition, int] = {}
        """The next offset of each partition, as far as it is not committed to Kafka."""
        self.ready = False
        """True if it has reached Kafka once. A later outage shows on the status page, not in the readiness."""

    async def run(self) -> None:
        """Poll, apply, commit."""
        topics = sorted({topic_name(type, self._settings.kafka_topic_prefix) for type in self._dispatcher.types})
        if not topics:
            self.ready = True
            await asyncio.Event().wait()
        await kafka.ensure_topics(self._settings, topics)
        consumer = self._new_consumer(topics)
        try:
            await consumer.start()
            self.ready = True
            await self._consume(consumer)
        finally:
            try:
                with suppress(Exception):  # without the commit, the inbox discards the repeated records
                    async with asyncio.timeout(1):
                        await self._commit(consumer)
            finally:
                await consumer.stop()

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        failures, commit_at = 0, 0.0
        while True:
            wait = COMMIT_INTERVAL_SECONDS if self._applied else 1.0
            batches = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=BATCH_SIZE)
            if await self._apply(consumer, batches):
                failures = 0
            else:
                failures += 1
                await asyncio.sleep(_BACKOFF.pause(failures))
            if time.monotonic() >= commit_at:
                await self._commit(consumer)
                commit_at = time.monotonic() + COMMIT_INTERVAL_SECONDS

    def _new_consumer(self, topics: list[str]) -> AIOKafkaConsumer:
        session = int(self._settings.kafka_session_seconds * 1000)
        return AIOKafkaConsumer(
            *topics,
            group_id=group_name(self._settings, self._service),
            # Static membership: a replica that restarts under its name gets its partitions back at once.
            group_instance_id=f"{self._service}-{self._settings.instance or socket.gethostname()}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 3,
            max_partition_fetch_bytes=1_048_576,
            metadata_max_age_ms=30_000,
            **kafka.client_options(self._settings),
        )

    async def _apply(
        self, consumer: AIOKafkaConsumer, batches: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]
    ) -> bool:
        """Apply the polled records. After a transient failure, seek back to the first of them and return False."""
        records = [_to_record(record) for batch in batches.values() for record in batch]
        try:
            await self._dispatcher.apply(records)
        except TransientFailure as error:
            log.warning("events wait", reason=repr(error.__cause__ or error))
            for partition, batch in batches.items():
                if partition in consumer.assignment():
                    consumer.seek(partition, batch[0].offset)
            return False
        self._applied |= {partition: batch[-1].offset + 1 for partition, batch in batches.items()}
        return True

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit the offsets of applied records, for the partitions that are still assigned."""
        applied, self._applied = self._applied, {}
        assigned = consumer.assignment()
        offsets = {partition: offset for partition, offset in applied.items() if partition in assigned}
        try:
            if offsets:
                await consumer.commit(offsets)
        except REBALANCE_ERRORS as error:
            log.info("rebalanced before the commit", error=repr(error))


def _to_record(record: "ConsumerRecord[bytes, bytes]") -> KafkaRecord:
    return KafkaRecord(record.topic, record.partition, record.offset, record.key, tuple(record.headers), record.value)
