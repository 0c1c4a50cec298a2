"""The consumer: polls the topics that a service reads, has the records applied, then commits to Kafka.

The database's commit comes first and Kafka's after it, for all that was applied in a tenth of a second; the inbox makes
whatever is delivered twice harmless, so a killed consumer, a rebalance or a zombie changes nothing.
"""

import asyncio
import socket
import time
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from chassis import kafka
from chassis.events import topic_of
from chassis.reactions import Reactor, Received, TryLater
from chassis.settings import Settings
from chassis.telemetry import log

BATCH = 1_000
COMMIT_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
REBALANCED = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


def group_of(settings: Settings, service: str) -> str:
    """The consumer group of a service."""
    return f"{settings.kafka_topic_prefix}.{service}"


class Consumer:
    """Runs until cancelled; a fault ends the run, and the worker begins another."""

    def __init__(self, settings: Settings, service: str, reactor: Reactor) -> None:
        self._settings = settings
        self._service = service
        self._reactor = reactor
        self._applied: dict[TopicPartition, int] = {}
        """Where each partition goes on, as far as Kafka has not been told."""
        self.ready = False
        """Whether it has reached Kafka once; a later absence is for the status page to tell, not for readiness."""

    async def run(self) -> None:
        """Polls, applies, commits."""
        topics = sorted({topic_of(type, self._settings.kafka_topic_prefix) for type in self._reactor.types})
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
                with suppress(Exception):  # Kafka may be away; what it is not told is delivered again, and passed over
                    async with asyncio.timeout(1):
                        await self._commit(consumer)
            finally:
                await consumer.stop()

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        pause, commit_at = 0.1, 0.0
        while True:
            wait = COMMIT_SECONDS if self._applied else 1.0
            batches = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=BATCH)
            if await self._apply(consumer, batches):
                pause = 0.1
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if time.monotonic() >= commit_at:
                await self._commit(consumer)
                commit_at = time.monotonic() + COMMIT_SECONDS

    def _new_consumer(self, topics: list[str]) -> AIOKafkaConsumer:
        session = int(self._settings.kafka_session_seconds * 1000)
        return AIOKafkaConsumer(
            *topics,
            group_id=group_of(self._settings, self._service),
            # Static membership: a replica that comes back under its name gets its partitions at once.
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
        """Applies what was polled; or goes back to where it began, and says so."""
        records = [_received(record) for batch in batches.values() for record in batch]
        try:
            await self._reactor.apply(records)
        except TryLater as fault:
            log.warning("reactions wait", reason=repr(fault.__cause__ or fault))
            for partition, batch in batches.items():
                if partition in consumer.assignment():
                    consumer.seek(partition, batch[0].offset)
            return False
        self._applied |= {partition: batch[-1].offset + 1 for partition, batch in batches.items()}
        return True

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Tells Kafka what was applied, of the partitions that are still held."""
        applied, self._applied = self._applied, {}
        held = consumer.assignment()
        ends = {partition: end for partition, end in applied.items() if partition in held}
        try:
            if ends:
                await consumer.commit(ends)
        except REBALANCED as error:
            log.info("rebalanced before the commit", error=repr(error))


def _received(record: "ConsumerRecord[bytes, bytes]") -> Received:
    return Received(record.topic, record.partition, record.offset, record.key, tuple(record.headers), record.value)
