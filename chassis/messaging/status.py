"""The status of a service: the size of its outbox, the lag of its consumer, its dead letters, its features' gauges.

A tenant reads the counts of its own events and records, the operator those of the whole service. The gateway shows the
services side by side at `/v1/status`.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import BaseModel

from chassis.core.events import topic_name
from chassis.core.identity import OPERATOR_CALLER, Caller, TenantFacts
from chassis.core.settings import Settings
from chassis.core.version import VERSION
from chassis.db.statements import Query, Record
from chassis.db.tables import SCHEMA
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import Gauge, TenantGauge
from chassis.messaging import kafka
from chassis.messaging.consumer import group_name

KAFKA_TIMEOUT_SECONDS = 3
KAFKA_RETRY_SECONDS = 2
CACHE_SECONDS = 1.0
"""How long the counts of the whole service serve the metrics, however often they are read."""


class ServiceStatus(BaseModel):
    """The state of a service."""

    up: bool
    version: str = ""
    """Its version. Empty in releases that did not report it."""
    outbox_pending: int
    outbox_oldest_seconds: float
    consumer_lag: int | None
    """Records of its topics that it has not applied yet, of all tenants. Null without Kafka, like `published` and
    `applied`."""
    dead_letters: int
    gauges: dict[str, int]
    """Counts that its features publish."""
    published: int | None
    """Events in its topic, including expired events."""
    applied: int | None
    """Events of other services that it has applied."""
    settled_facts: TenantFacts | None = None
    """The facts of the caller's tenant, once all periodic tasks have run with them. Null before, and for the operator.
    """


class StatusReader:
    """Reads the counts. It keeps its Kafka clients, because starting a client takes longer than a query."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        service: str,
        types: Iterable[str],
        gauges: Mapping[str, Gauge],
        tenant_gauges: Mapping[str, TenantGauge],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._own = topic_name(service, settings.kafka_topic_prefix)
        self._read = sorted({topic_name(type, settings.kafka_topic_prefix) for type in types})
        self._group = group_name(settings, service)
        self._gauges = gauges
        self._tenant_gauges = tenant_gauges
        self._cached: tuple[float, ServiceStatus] | None = None
        self._caching = asyncio.Lock()
        self._clients: tuple[AIOKafkaConsumer, AIOKafkaAdminClient] | None = None
        self._lock = asyncio.Lock()
        self._unavailable_until = 0.0

    async def read(self) -> ServiceStatus:
        """Return the counts of all tenants. Raises if PostgreSQL does not respond.

        Kafka comes first, because its answer may take seconds and the counts need a connection.
        """
        positions = await self._positions_if_available()
        row = await self._pool.fetchrow(f"select * from {SCHEMA}.counts()")
        assert row is not None
        return _status(positions, row, {name: await count(self._pool) for name, count in self._gauges.items()})

    async def read_for(self, caller: Caller) -> ServiceStatus:
        """Return the counts of the caller's tenant, or those of all tenants if the caller is the operator."""
        if caller == OPERATOR_CALLER:
            return await self.read()
        positions = await self._positions_if_available()
        async with Transaction(self._pool, caller, writes=False) as transaction:
            work = UnitOfWork(transaction)
            (row,) = await work.select(_TENANT_COUNTS)
            return _status(positions, row, {name: await count(work) for name, count in self._tenant_gauges.items()})

    async def read_cached(self) -> ServiceStatus:
        """Return the counts of all tenants, as they were within the last second."""
        async with self._caching:
            if self._cached is None or self._cached[0] < time.monotonic():
                status = await self.read()
                self._cached = (time.monotonic() + CACHE_SECONDS, status)
            return self._cached[1]

    async def close(self) -> None:
        """Close the Kafka clients."""
        if self._clients is not None:
            consumer, admin = self._clients
            self._clients = None
            await asyncio.gather(consumer.stop(), admin.close(), return_exceptions=True)

    async def _positions_if_available(self) -> tuple[int | None, int | None, int | None]:
        """Return the positions, or nulls without Kafka."""
        try:
            return await self._positions()
        except (KafkaError, OSError, TimeoutError):
            return None, None, None

    async def _positions(self) -> tuple[int | None, int | None, int | None]:
        """Return the events in its own topic, the events it has applied, and the events it has not."""
        async with self._lock:
            if time.monotonic() < self._unavailable_until:
                return None, None, None
            try:
                return await asyncio.wait_for(self._read_positions(), KAFKA_TIMEOUT_SECONDS)
            except BaseException:
                # Requests that wait for the lock need not run into the same timeout in turn.
                self._unavailable_until = time.monotonic() + KAFKA_RETRY_SECONDS
                await self.close()
                raise

    async def _read_positions(self) -> tuple[int, int, int]:
        consumer, admin = await self._open()
        partitions = {
            topic: [TopicPartition(topic, number) for number in (consumer.partitions_for_topic(topic) or ())]
            for topic in {self._own, *self._read}
        }
        ends = await consumer.end_offsets([partition for each in partitions.values() for partition in each])
        published = sum(ends[partition] for partition in partitions[self._own])
        committed = await admin.list_consumer_group_offsets(self._group) if self._read else {}
        applied = lag = 0
        for partition in (partition for topic in self._read for partition in partitions[topic]):
            offset = committed[partition].offset if partition in committed else 0
            applied += max(offset, 0)
            lag += ends[partition] - max(offset, 0)
        return published, applied, lag

    async def _open(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._clients is None:
            await kafka.ensure_topics(self._settings, {self._own, *self._read})
            options = kafka.client_options(self._settings)
            consumer, admin = AIOKafkaConsumer(self._own, *self._read, **options), AIOKafkaAdminClient(**options)
            self._clients = (consumer, admin)
            await asyncio.gather(consumer.start(), admin.start())
            # A consumer that fetches has a request at the broker all the time, and each reading would wait for it.
            consumer.pause(*consumer.assignment())
        return self._clients


def _status(positions: tuple[int | None, int | None, int | None], row: Record, gauges: dict[str, int]) -> ServiceStatus:
    published, applied, lag = positions
    if lag is not None and applied is not None:  # Kafka counts as applied what waits in the backlog
        applied, lag = applied - row["backlog"], lag + row["backlog"]
    return ServiceStatus(
        up=True,
        version=VERSION,
        outbox_pending=row["outbox_pending"],
        outbox_oldest_seconds=round(row["outbox_oldest_seconds"], 3),
        consumer_lag=lag,
        dead_letters=row["dead_letters"],
        gauges=gauges,
        published=published,
        applied=applied,
        settled_facts=row.get("settled_facts"),
    )


_TENANT_COUNTS = Query(Record, f"select * from {SCHEMA}.tenant_counts()")
