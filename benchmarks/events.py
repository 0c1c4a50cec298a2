"""How fast the events flow: the relay out of a full outbox, and the consumers through a full topic.

Each is alone: the relay's place is taken while the outbox fills, and the consumers are halted while it empties.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
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
from chassis import kafka
from chassis.consumer import group_of
from chassis.events import topic_of
from chassis.relay import LOCK, envelope_of
from chassis.settings import Settings
from chassis.tables import SCHEMA

Record = tuple[bytes, bytes, list[tuple[str, bytes]]]
READERS = ("loyalty", "analytics")


@dataclass(frozen=True)
class Flow:
    """Events a second, and what that is of something else in the same run."""

    what: str
    rate: float
    of: float
    beside: str

    @property
    def ratio(self) -> float:
        """The one by the other."""
        return self.rate / self.of

    def row(self) -> list[str]:
        """A line of the table."""
        say(f"{self.what}: {self.rate:,.0f}/s, {self.ratio:.2f} of {self.beside}")
        return [self.what, f"{self.rate:,.0f} /s", f"{self.ratio:.2f} of {self.beside} ({self.of:,.0f} /s)"]


async def flows(stand: Stand, shop: Shop, yard: Yard) -> list[Flow]:
    """One backlog of purchases through the relay, then through each of its readers; then one of refunds."""
    settings = stand.settings("interactions")
    async with topic_of_purchases(settings) as topic:
        await stand.drained()
        with halted(stand, "analytics") as let_analytics_go, halted(stand, "loyalty") as let_loyalty_go:
            async with no_relay(stand.database("interactions")):
                sold = await shop.sell(stand.sizes.events)
                waiting = await outbox_of(stand.database("interactions"))
                end = await topic.written() + len(waiting)
                before = await produce(settings, waiting)
            relayed = await pace(topic.written, end)
            bare = mean([before, await produce(settings, waiting)])
            summing = await reading(stand, yard, topic, "analytics", "purchase_fact", let_analytics_go)
            awarding = await reading(stand, yard, topic, "loyalty", "points_entry", let_loyalty_go)
        with halted(stand, "loyalty") as let_loyalty_go:
            await drive(shop.target, shop.refunds(sold[: stand.sizes.refunds]), 600, CONNECTIONS)
            reversing = await reading(stand, yard, topic, "loyalty", "points_entry", let_loyalty_go)
        await stand.drained()
    bare_insert = "asyncpg's executemany of one row each"
    return [
        Flow("the relay empties an outbox", relayed, bare, "bare aiokafka"),
        Flow("analytics sums up purchases, by batch", *summing, bare_insert),
        Flow("loyalty awards points for purchases, by batch", *awarding, bare_insert),
        Flow("loyalty takes back points for refunds, one by one", reversing[0], awarding[0], "its batches"),
    ]


async def reading(
    stand: Stand, yard: Yard, topic: "Topic", service: str, table: str, go: Callable[[], None]
) -> tuple[float, float]:
    """Events a second of a halted reader that may go on, and rows a second of its yardstick."""
    end, database = await topic.written(), stand.database(service)
    before = await yard.insert(database, table)
    go()
    rate = await pace(lambda: topic.passed(group_of(stand.settings(service), service)), end)
    return rate, mean([before, await yard.insert(database, table)])


async def pace(count: Callable[[], Awaitable[int]], until: int) -> float:
    """How much a second a count goes up by, from when it begins to move until it has come to where it ends."""
    begun = first = await count()
    while begun == first:
        await asyncio.sleep(0.02)
        begun = await count()
    now, started = begun, time.perf_counter()
    while now < until:
        await asyncio.sleep(0.02)
        now = await count()
    if now == begun:
        raise RuntimeError(f"{now - first} at once: too few to see a rate")
    return (now - begun) / (time.perf_counter() - started)


@contextmanager
def halted(stand: Stand, name: str) -> Iterator[Callable[[], None]]:
    """A service stands still until it is told to go on."""
    stand.send(name, signal.SIGSTOP)
    try:
        yield lambda: stand.send(name, signal.SIGCONT)
    finally:
        stand.send(name, signal.SIGCONT)


@asynccontextmanager
async def no_relay(database: str) -> AsyncIterator[None]:
    """The leader's place is taken, as another replica would; its relay stands by meanwhile."""
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
    """What waits there, as the relay would send it."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(f"select *, data::text as text from {SCHEMA}.outbox order by seq")
    finally:
        await connection.close()
    envelopes = [(envelope_of(row), row["text"].encode()) for row in rows]
    return [(envelope.key, value, envelope.to_headers()) for envelope, value in envelopes]


class Topic:
    """The topic of a service: how far it was written, how far somebody has read it."""

    def __init__(self, name: str, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer, self._admin = consumer, admin
        self._partitions = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]

    async def written(self) -> int:
        """Events so far."""
        return sum((await self._consumer.end_offsets(self._partitions)).values())

    async def passed(self, group: str) -> int:
        """Events that a group has passed."""
        committed = await self._admin.list_consumer_group_offsets(group)
        return sum(max(committed[one].offset, 0) for one in self._partitions if one in committed)


@asynccontextmanager
async def topic_of_purchases(settings: Settings) -> AsyncIterator[Topic]:
    """The topic of the interactions service."""
    name = topic_of("interactions", settings.kafka_topic_prefix)
    options = kafka.client_options(settings)
    consumer, admin = AIOKafkaConsumer(name, **options), AIOKafkaAdminClient(**options)
    await consumer.start()
    await admin.start()
    try:
        yield Topic(name, consumer, admin)
    finally:
        await consumer.stop()
        await admin.close()
