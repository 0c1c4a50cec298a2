"""What a service tells of itself: what waits in its outbox, how far its consumer is, what is parked.

Counts of the whole service and no tenant's content. The gateway puts the services side by side at `/v1/status`.
"""

import asyncio
import time
from collections.abc import Mapping

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import BaseModel

from chassis import kafka
from chassis.consumer import group_of
from chassis.events import topic_of
from chassis.feature import Gauge
from chassis.settings import Settings
from chassis.tables import SCHEMA


class ServiceStatus(BaseModel):
    """One service's state."""

    up: bool
    outbox_pending: int
    outbox_oldest_seconds: float
    consumer_lag: int | None
    """Records of the topics that it reads still to pass; this and the next two are null while Kafka is away."""
    dead_letters: int
    orphans: int
    published: int | None
    """Events that its topic holds or held."""
    applied: int | None
    """Events of other services that it has passed."""


class StatusReader:
    """Reads the counts; it keeps its Kafka clients, for a client's start costs more than the question."""

    def __init__(self, settings: Settings, service: str, types: list[str], gauges: Mapping[str, Gauge]) -> None:
        self._settings = settings
        self._own = topic_of(service, settings.kafka_topic_prefix)
        self._read = sorted({topic_of(type, settings.kafka_topic_prefix) for type in types})
        self._group = group_of(settings, service)
        self._gauges = gauges
        self._clients: tuple[AIOKafkaConsumer, AIOKafkaAdminClient] | None = None
        self._lock = asyncio.Lock()
        self._away_until = 0.0

    async def read(self, pool: asyncpg.Pool) -> ServiceStatus:
        """The counts as of now. Raises when PostgreSQL does not answer; without Kafka its own counts are null."""
        row = await pool.fetchrow(f"select * from {SCHEMA}.counts()")
        assert row is not None
        orphans = self._gauges.get("orphans")
        try:
            published, applied, lag = await self._positions()
        except (KafkaError, OSError, TimeoutError):
            published = applied = lag = None
        return ServiceStatus(
            up=True,
            outbox_pending=row["outbox_pending"],
            outbox_oldest_seconds=round(row["outbox_oldest_seconds"], 3),
            consumer_lag=lag,
            dead_letters=row["dead_letters"],
            orphans=await orphans(pool) if orphans else 0,
            published=published,
            applied=applied,
        )

    async def close(self) -> None:
        """Closes the clients."""
        if self._clients is not None:
            consumer, admin = self._clients
            self._clients = None
            await asyncio.gather(consumer.stop(), admin.close(), return_exceptions=True)

    async def _positions(self) -> tuple[int | None, int | None, int | None]:
        """Records in the own topic, records passed in those that are read, records there still to pass."""
        async with self._lock:
            if time.monotonic() < self._away_until:
                return None, None, None
            try:
                return await asyncio.wait_for(self._ask(), 3)
            except BaseException:
                self._away_until = time.monotonic() + 2  # those who wait for the lock need not ask one by one
                await self.close()
                raise

    async def _ask(self) -> tuple[int, int, int]:
        consumer, admin = await self._open()
        partitions = {
            topic: [TopicPartition(topic, number) for number in (consumer.partitions_for_topic(topic) or ())]
            for topic in {self._own, *self._read}
        }
        ends = await consumer.end_offsets([one for each in partitions.values() for one in each])
        published = sum(ends[one] for one in partitions[self._own])
        committed = await admin.list_consumer_group_offsets(self._group) if self._read else {}
        applied = lag = 0
        for partition in (one for topic in self._read for one in partitions[topic]):
            passed = committed[partition].offset if partition in committed else 0
            applied += max(passed, 0)
            lag += ends[partition] - max(passed, 0)
        return published, applied, lag

    async def _open(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._clients is None:
            await kafka.ensure_topics(self._settings, {self._own, *self._read})
            options = kafka.client_options(self._settings)
            consumer, admin = AIOKafkaConsumer(self._own, *self._read, **options), AIOKafkaAdminClient(**options)
            self._clients = (consumer, admin)
            await asyncio.gather(consumer.start(), admin.start())
        return self._clients
