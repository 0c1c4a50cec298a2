"""Duplicates and disorder: whatever way events are delivered, the sums are those of what happened."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import pytest

from chassis.reactions import Received
from tests.support.disorder import SEED, partitions_of, polled
from tests.support.reading import Reading
from tests.support.service import Published, ServiceUnderTest
from tests.support.shop import Shop, open_for_business

SHOPS, STEPS, PARTITIONS = 2, 50, 6
History = tuple[Shop, list[Published]]


async def histories(
    customers: ServiceUnderTest, interactions: ServiceUnderTest, dice: random.Random
) -> Sequence[History]:
    """What some tenants did, and what customers and interactions published of it."""
    found = []
    for _ in range(SHOPS):
        people = await customers.for_new_tenant()
        trade = interactions.for_tenant(people.tenant)
        await trade.announce()
        shop = Shop(people, trade, dice)
        await shop.trade(STEPS)
        await trade.do_chores()  # records the refunds that waited for their purchases
        found.append((shop, await people.published() + await trade.published()))
    return found


def records_of(reader: ServiceUnderTest, told: Sequence[Published]) -> list[Received]:
    """The events as Kafka would hold them, for that reader's tenant."""
    records = [reader.record_of({"id": one.id, "type": one.type, "key": one.subject, "data": one.data}) for one in told]
    return [replace(one, partition=crc32(one.key or b"") % PARTITIONS) for one in records]


@dataclass(frozen=True)
class Consumers:
    """Loyalty and analytics, as consumers that know nothing of a history yet."""

    loyalty: ServiceUnderTest
    analytics: ServiceUnderTest

    async def of(self, histories: Sequence[History]) -> tuple[list[Reading], list[Received]]:
        """A reading of each history by tenants of its own, and what there is to read."""
        readings, records = [], []
        for shop, told in histories:
            loyalty = await self.loyalty.for_new_tenant()
            analytics = self.analytics.for_tenant(loyalty.tenant)
            await analytics.announce()
            await open_for_business(loyalty)
            readings.append(Reading(shop, loyalty, analytics))
            records += records_of(loyalty, told)
        return readings, records

    async def read(self, batch: Sequence[Received]) -> None:
        """Takes a polled batch."""
        for service in (self.loyalty, self.analytics):
            await service.shared.reactor.apply(batch)


@pytest.fixture
def consumers(running_loyalty: ServiceUnderTest, running_analytics: ServiceUnderTest) -> Consumers:
    return Consumers(running_loyalty, running_analytics)


@pytest.fixture(params=range(2))
def dice(request: pytest.FixtureRequest) -> random.Random:
    print(f"RAPPORT_SEED={SEED}")
    return random.Random(f"{SEED} {request.param}")


async def test_any_delivery_leaves_the_same_sums(
    running_customers: ServiceUnderTest,
    running_interactions: ServiceUnderTest,
    consumers: Consumers,
    dice: random.Random,
) -> None:
    """In order and once; then by others, twice, cut anyhow, while points are spent; then once more, years later."""
    told = await histories(running_customers, running_interactions, dice)
    first, records = await consumers.of(told)
    await consumers.read(records)
    await hold(first)

    second, records = await consumers.of(told)
    for batch in polled(partitions_of(records), dice):
        await consumers.read(batch)
        await dice.choice(second).spend()
    await hold(second)

    for reading in second:
        await reading.forget()
    for batch in polled(partitions_of(records), dice):
        await consumers.read(batch)
    for reading in second:
        await reading.holds()
        assert await reading.loyalty.published() == []


async def hold(readings: Sequence[Reading]) -> None:
    for reading in readings:
        await reading.spend()
        await reading.holds()
        await reading.announced_once()
