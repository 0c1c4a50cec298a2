"""The consumer: polls the topics that a service reads, queues the records by tenant, and commits offsets to Kafka.

The database commits first, and Kafka after it, every tenth of a second, up to the first record that has not been
applied. The inbox discards duplicates, so a killed consumer, a rebalance or a zombie changes nothing.
"""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from chassis.core.events import topic_name
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.messaging import kafka
from chassis.messaging.dispatcher import EventDispatcher
from chassis.messaging.records import KafkaRecord
from chassis.messaging.tenant_queues import Partition, TenantQueues

BATCH_SIZE = 1_000
COMMIT_INTERVAL_SECONDS = 0.1
REBALANCE_ERRORS = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)
IDLE_SECONDS = 1.0
UNASSIGNED_SECONDS = 10.0
ROOM_INTERVAL_SECONDS = 0.02
"""How often full queues are looked at for room."""


def group_name(settings: Settings, service: str) -> str:
    """Return the consumer group of a service."""
    return f"{settings.kafka_topic_prefix}.{service}"


class Consumer:
    """Runs until cancelled. An error ends the run, and the worker starts another."""

    def __init__(self, settings: Settings, service: str, dispatcher: EventDispatcher, pool: asyncpg.Pool) -> None:
        self._settings = settings
        self._service = service
        self._dispatcher = dispatcher
        self._pool = pool
        self.ready = False
        """True if it has reached Kafka once. A later outage shows on the status page, not in the readiness."""

    async def run(self) -> None:
        """Poll, queue, commit."""
        topics = sorted({topic_name(type, self._settings.kafka_topic_prefix) for type in self._dispatcher.types})
        if not topics:
            self.ready = True
            await asyncio.Event().wait()
        await kafka.ensure_topics(self._settings, topics)
        consumer = self._new_consumer()
        queues = TenantQueues(self._dispatcher, self._pool)
        commits = _Commits(consumer, queues)
        group = _Membership(consumer, topics, _Rebalances(consumer, queues, commits))
        group.join()
        try:
            await consumer.start()
            self.ready = True
            await self._consume(consumer, queues, commits, group)
        finally:
            try:
                await queues.close()
                with suppress(Exception):  # without the commit, the inbox discards the repeated records
                    async with asyncio.timeout(1):
                        await commits.commit()
            finally:
                await consumer.stop()

    async def _consume(
        self, consumer: AIOKafkaConsumer, queues: TenantQueues, commits: "_Commits", group: "_Membership"
    ) -> None:
        next_fetch_at = 0.0
        while True:
            group.join_again_without_partitions()
            if queues.is_full:
                await asyncio.sleep(ROOM_INTERVAL_SECONDS)
            else:
                await asyncio.sleep(next_fetch_at - time.monotonic())
                wait = COMMIT_INTERVAL_SECONDS if commits.are_due else IDLE_SECONDS
                batches = await consumer.getmany(timeout_ms=int(wait * 1000), max_records=BATCH_SIZE)
                next_fetch_at = time.monotonic() + self._interval(batches)
                await queues.add(_to_record(record) for batch in batches.values() for record in batch)
            await commits.commit_at_interval()

    def _interval(self, batches: Mapping[TopicPartition, Sequence[object]]) -> float:
        """Return how long the next fetch has to wait: not at all while full fetches show that more is there."""
        is_full = sum(map(len, batches.values())) >= BATCH_SIZE
        return 0.0 if is_full else self._settings.consumer_interval_seconds

    def _new_consumer(self) -> AIOKafkaConsumer:
        session = int(self._settings.kafka_session_seconds * 1000)
        return AIOKafkaConsumer(
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


class _Membership:
    """The membership in the consumer group, and with it the assignment of partitions."""

    def __init__(self, consumer: AIOKafkaConsumer, topics: list[str], listener: "_Rebalances") -> None:
        self._consumer = consumer
        self._topics = topics
        self._listener = listener

    def join(self) -> None:
        """Join the group."""
        self._consumer.subscribe(self._topics, listener=self._listener)
        self._joined_at = time.monotonic()

    def join_again_without_partitions(self) -> None:
        """Join the group again if no partition has been assigned for a while.

        A static member gets the assignment of its former process back. That process may have joined while Kafka, which
        had lost its data, had no topics yet, and then nothing would ever change the empty assignment. To a replica
        beyond the number of partitions, joining again changes nothing.
        """
        if self._consumer.assignment():
            self._joined_at = time.monotonic()
        elif time.monotonic() - self._joined_at > UNASSIGNED_SECONDS:
            self._consumer.unsubscribe()
            self.join()


class _Commits:
    """Commits the positions of applied records, for the partitions that are still assigned."""

    def __init__(self, consumer: AIOKafkaConsumer, queues: TenantQueues) -> None:
        self._consumer = consumer
        self._queues = queues
        self._committed: dict[Partition, int] = {}
        self._next_at = 0.0

    @property
    def are_due(self) -> bool:
        """True if records have been received whose offsets are not committed."""
        return self._queues.has_work or self._queues.positions != self._committed

    async def commit_at_interval(self) -> None:
        """Commit unless that was done a moment ago."""
        if time.monotonic() >= self._next_at:
            await self.commit()
            self._next_at = time.monotonic() + COMMIT_INTERVAL_SECONDS

    async def commit(self) -> None:
        """Commit the positions that have changed."""
        positions, assigned = self._queues.positions, self._consumer.assignment()
        offsets = {
            TopicPartition(*partition): offset
            for partition, offset in positions.items()
            if offset != self._committed.get(partition) and TopicPartition(*partition) in assigned
        }
        self._committed = positions
        try:
            if offsets:
                await self._consumer.commit(offsets)
        except REBALANCE_ERRORS as error:
            log.info("rebalanced before the commit", error=repr(error))


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Follows the assignment of partitions to the replicas of a service."""

    def __init__(self, consumer: AIOKafkaConsumer, queues: TenantQueues, commits: _Commits) -> None:
        self._consumer = consumer
        self._queues = queues
        self._commits = commits

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Hand over the partitions at their last position."""
        with suppress(KafkaError):  # without the commit, the inbox discards the repeated records
            await self._commits.commit()
        self._queues.forget((partition.topic, partition.partition) for partition in revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Go on where the former replica stopped, also with the events that it has left in the backlog."""
        await self._queues.load_backlog()
        await self._start_again_in_new_topics(assigned)

    async def _start_again_in_new_topics(self, assigned: set[TopicPartition]) -> None:
        """Read partitions from their beginning that end before the committed offset: they were created again.

        A process that stopped after Kafka had lost its data has committed its offsets to the new, empty partitions.
        """
        ends = await self._consumer.end_offsets(assigned) if assigned else {}
        for partition, end in ends.items():
            committed = await self._consumer.committed(partition)
            if committed is not None and committed > end:
                log.warning("a topic was created again", topic=partition.topic, partition=partition.partition)
                self._consumer.seek(partition, 0)
                await self._consumer.commit({partition: 0})


def _to_record(record: "ConsumerRecord[bytes, bytes]") -> KafkaRecord:
    return KafkaRecord(record.topic, record.partition, record.offset, record.key, tuple(record.headers), record.value)
