"""Duplicates and disorder: any order of delivery results in the sums of the actual history."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import pytest

from chassis.messaging.records import KafkaRecord
from tests.support.disorder import SEED, partitions_of, polled
from tests.support.reading import Reading
from tests.support.service import Published, ServiceUnderTest
from tests.support.shop import Shop, open_for_business

SHOPS, STEPS, PARTITIONS = 2, 50, 6
History = tuple[Shop, list[Published]]


async def histories(
    customers: ServiceUnderTest, interactions: ServiceUnderTest, rng: random.Random
) -> Sequence[History]:
    """Return the trade of some tenants, with the events that customers and interactions published."""
    found = []
    for _ in range(SHOPS):
        people = await customers.for_new_tenant()
        trade = interactions.for_tenant(people.tenant)
        await trade.announce()
        shop = Shop(people, trade, rng)
        await shop.trade(STEPS)
        await trade.run_periodic_tasks()  # records refunds that were waiting for their purchases
        found.append((shop, await people.published() + await trade.published()))
    return found


def records_of(reader: ServiceUnderTest, told: Sequence[Published]) -> list[KafkaRecord]:
    """Return the events as records in Kafka, for that reader's tenant."""
    records = [reader.record_of({"id": one.id, "type": one.type, "key": one.subject, "data": one.data}) for one in told]
    return [replace(one, partition=crc32(one.key or b"") % PARTITIONS) for one in records]


@dataclass(frozen=True)
class Consumers:
    """Loyalty and analytics, as consumers that have not received a history yet."""

    loyalty: ServiceUnderTest
    analytics: ServiceUnderTest

    async def of(self, histories: Sequence[History]) -> tuple[list[Reading], list[KafkaRecord]]:
        """Return a reading of each history by separate tenants, and the records to read."""
        readings, records = [], []
        for shop, told in histories:
            loyalty = await self.loyalty.for_new_tenant()
            analytics = self.analytics.for_tenant(loyalty.tenant)
            await analytics.announce()
            await open_for_business(loyalty)
            readings.append(Reading(shop, loyalty, analytics))
            records += records_of(loyalty, told)
        return readings, records

    async def read(self, batch: Sequence[KafkaRecord]) -> None:
        """Apply a polled batch in both services."""
        for service in (self.loyalty, self.analytics):
            await service.shared.dispatcher.apply(batch)


@pytest.fixture
def consumers(running_loyalty: ServiceUnderTest, running_analytics: ServiceUnderTest) -> Consumers:
    return Consumers(running_loyalty, running_analytics)


@pytest.fixture(params=range(2))
def rng(request: pytest.FixtureRequest) -> random.Random:
    print(f"RAPPORT_SEED={SEED}")
    return random.Random(f"{SEED} {request.param}")


async def test_any_delivery_leaves_the_same_sums(
    running_customers: ServiceUnderTest,
    running_interactions: ServiceUnderTest,
    consumers: Consumers,
    rng: random.Random,
) -> None:
    """Deliver in order and once, then twice in random batches while points are spent, then again after years."""
    told = await histories(running_customers, running_interactions, rng)
    first, records = await consumers.of(told)
    await consumers.read(records)
    await hold(first)

    second, records = await consumers.of(told)
    for batch in polled(partitions_of(records), rng):
        await consumers.read(batch)
        await rng.choice(second).spend()
    await hold(second)

    for reading in second:
        await reading.forget()
    for batch in polled(partitions_of(records), rng):
        await consumers.read(batch)
    for reading in second:
        await reading.holds()
        assert await reading.loyalty.published() == []


async def hold(readings: Sequence[Reading]) -> None:
    for reading in readings:
        await reading.spend()
        await reading.holds()
        await reading.announced_once()
