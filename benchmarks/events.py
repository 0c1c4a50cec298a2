"""Event throughput: the relay with a full outbox, and the consumers with a full topic.

Each is measured alone. The benchmark holds the relay's lock while the outbox fills, and suspends all consumers while
the relay empties it. Then it resumes one after the other.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from statistics import mean

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.load import drive
from benchmarks.phases import CONNECTIONS
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say
from benchmarks.yardsticks import Yard, produce
from chassis.core.events import topic_name
from chassis.core.settings import Settings
from chassis.db.tables import SCHEMA
from chassis.messaging import kafka
from chassis.messaging.consumer import group_name
from chassis.messaging.relay import COLUMNS, LOCK, envelope_of

Record = tuple[bytes, bytes, list[tuple[str, bytes]]]


@dataclass(frozen=True)
class Flow:
    """Events per second, compared with another rate of the same run."""

    what: str
    rate: float
    of: float
    beside: str

    @property
    def ratio(self) -> float:
        """Return the rate divided by the rate that it is compared with."""
        return self.rate / self.of

    def row(self) -> list[str]:
        """Print the result; return it as a row of the table."""
        say(f"{self.what}: {self.rate:,.0f}/s, {self.ratio:.2f} of {self.beside}")
        return [self.what, f"{self.rate:,.0f} /s", f"{self.ratio:.2f} of {self.beside} ({self.of:,.0f} /s)"]


async def flows(stand: Stand, shop: Shop, yard: Yard) -> list[Flow]:
    """Measure a backlog of purchases in the relay and in each consumer, then a backlog of refunds in loyalty."""
    settings = stand.settings("interactions")
    async with topic_of_purchases(settings) as topic:
        await stand.drained()
        with ExitStack() as suspended:
            go = {name: suspended.enter_context(halted(stand, name)) for name in ("analytics", "loyalty")}
            async with no_relay(stand.database("interactions")):
                sold = await shop.sell(stand.sizes.events)
                go["gateway"] = suspended.enter_context(halted(stand, "gateway"))
                waiting = await outbox_of(stand.database("interactions"))
                end = await topic.written() + len(waiting)
                before = await produce(settings, waiting)
            relayed = await pace(topic.written, end)
            bare = mean([before, await produce(settings, waiting)])
            summing = await reading(stand, yard, topic, "analytics", "purchase_fact", go["analytics"])
            awarding = await reading(stand, yard, topic, "loyalty", "points_entry", go["loyalty"])
            adding = await reading(stand, yard, topic, "gateway", "feed_event", go["gateway"])
        with halted(stand, "loyalty") as let_loyalty_go:
            await drive(shop.target, shop.refunds(sold[: stand.sizes.refunds]), 600, CONNECTIONS)
            reversing = await reading(stand, yard, topic, "loyalty", "points_entry", let_loyalty_go)
        await stand.drained()
    bare_insert = "asyncpg's executemany of single rows"
    return [
        Flow("relay empties an outbox", relayed, bare, "bare aiokafka"),
        Flow("analytics sums up purchases, in batches", *summing, bare_insert),
        Flow("loyalty awards points for purchases, in batches", *awarding, bare_insert),
        Flow("the gateway adds events to the feed, in batches", *adding, bare_insert),
        Flow("loyalty reverses points for refunds, one at a time", reversing[0], awarding[0], "its purchases"),
    ]


async def reading(
    stand: Stand, yard: Yard, topic: "Topic", service: str, table: str, go: Callable[[], None]
) -> tuple[float, float]:
    """Resume a suspended consumer; return its events per second and the rows per second of its yardstick."""
    end, database = await topic.written(), stand.database(service)
    before = await yard.insert(database, table)
    go()
    rate = await pace(lambda: topic.passed(group_name(stand.settings(service), service)), end)
    return rate, mean([before, await yard.insert(database, table)])


async def pace(count: Callable[[], Awaitable[int]], until: int) -> float:
    """Return the rate per second at which a count rises, from its first change until it reaches a limit."""
    begun = first = await count()
    while begun == first:
        await asyncio.sleep(0.02)
        begun = await count()
    now, started = begun, time.perf_counter()
    while now < until:
        await asyncio.sleep(0.02)
        now = await count()
    if now == begun:
        raise RuntimeError(f"{now - first} events in a single step: too few to measure a rate")
    return (now - begun) / (time.perf_counter() - started)


@contextmanager
def halted(stand: Stand, name: str) -> Iterator[Callable[[], None]]:
    """Suspend a service until the caller resumes it."""
    stand.send(name, signal.SIGSTOP)
    try:
        yield lambda: stand.send(name, signal.SIGCONT)
    finally:
        stand.send(name, signal.SIGCONT)


@asynccontextmanager
async def no_relay(database: str) -> AsyncIterator[None]:
    """Hold the leader's lock, as another replica would, so that the relay stays idle."""
    leading, admin = await asyncpg.connect(database), await asyncpg.connect(database)
    try:
        taking = asyncio.create_task(leading.execute("select pg_advisory_lock($1)", LOCK))
        while not taking.done():
            await asyncio.sleep(0.1)
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_locks join pg_database on pg_database.oid = database "
                "where locktype = 'advisory' and objid = $1 and granted and datname = current_database() "
                "and pid <> $2",
                LOCK,
                leading.get_server_pid(),
            )
        await taking
        yield
    finally:
        await leading.close()
        await admin.close()


async def outbox_of(database: str) -> list[Record]:
    """Return the rows of an outbox as records, as the relay would send them."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(f"select {COLUMNS}, data::text as text from {SCHEMA}.outbox order by seq")
    finally:
        await connection.close()
    envelopes = [(envelope_of(row), row["text"].encode()) for row in rows]
    return [(envelope.key, value, envelope.to_headers()) for envelope, value in envelopes]


class Topic:
    """The topic of a service: its end offsets, and the offsets that consumers have committed."""

    def __init__(self, name: str, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer, self._admin = consumer, admin
        self._partitions = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]

    async def written(self) -> int:
        """Return the number of events written so far."""
        return sum((await self._consumer.end_offsets(self._partitions)).values())

    async def passed(self, group: str) -> int:
        """Return the number of events that a consumer group has committed."""
        committed = await self._admin.list_consumer_group_offsets(group)
        return sum(max(committed[partition].offset, 0) for partition in self._partitions if partition in committed)


@asynccontextmanager
async def topic_of_purchases(settings: Settings) -> AsyncIterator[Topic]:
    """Open the topic of the interactions service."""
    name = topic_name("interactions", settings.kafka_topic_prefix)
    options = kafka.client_options(settings)
    consumer, admin = AIOKafkaConsumer(name, **options), AIOKafkaAdminClient(**options)
    await consumer.start()
    await admin.start()
    try:
        yield Topic(name, consumer, admin)
    finally:
        await consumer.stop()
        await admin.close()
