"""A second reading: new consumers read the records in Kafka again, and reach the state of the running system."""

import random

import pytest

from chassis.core.identity import Tenant
from chassis.messaging.records import KafkaRecord
from tests.auditor.audit import records_of
from tests.support.disorder import SEED, partitions_of, polled
from tests.support.reading import POINTS, Reading
from tests.support.service import ServiceUnderTest
from tests.support.shop import Shop, open_for_business
from tests.support.stack import RunningStack, Visitor, a_visitor

TOPICS = ("customers", "interactions", "loyalty")
"""Topics that are read in any order.

The gateway's topic is read first, because consumers wait until an unknown tenant is announced.
"""


@pytest.mark.slow
async def test_a_second_reading_in_any_order_comes_to_the_same(
    stack: RunningStack, visitor: Visitor, running_loyalty: ServiceUnderTest, running_analytics: ServiceUnderTest
) -> None:
    rng = random.Random(SEED)
    print(f"RAPPORT_SEED={SEED}")
    second = a_visitor(stack)
    readings = []
    for one in (visitor, second):
        await open_for_business(one)
        shop = Shop(one, one, rng)
        await shop.trade(30, early_refunds=False)  # the worker takes half a minute to find early refunds
        await one.drained()
        tenant = await tenant_of(one)
        assert await points(stack, tenant) == dict(shop.earned)
        await shop.spend(one)  # loyalty does not read events of its own operations
        consumers = [running.for_tenant(tenant) for running in (running_loyalty, running_analytics)]
        readings.append(Reading(shop, *consumers))
    await second.drained()

    await read(readings[0], await kept(stack, "gateway", readings))
    for reading in readings:
        await open_for_business(reading.loyalty)
    records = [record for topic in TOPICS for record in await kept(stack, topic, readings)]
    for batch in polled(partitions_of(records), rng):
        await read(readings[0], batch)
        await rng.choice(readings).spend()
    for reading in readings:
        await reading.holds()
        await reading.announced_once()
    await second.close()


async def tenant_of(visitor: Visitor) -> Tenant:
    (told,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    return Tenant.model_validate(told)


async def points(stack: RunningStack, tenant: Tenant) -> dict[str, int]:
    rows = await stack.rows("loyalty", f"{POINTS} where tenant_id = $1", tenant.id)
    return {str(row["customer_id"]): row["points"] for row in rows}


async def kept(stack: RunningStack, service: str, readings: list[Reading]) -> list[KafkaRecord]:
    """Return the records of these tenants in a topic, as a consumer receives them."""
    wanted = {str(reading.loyalty.tenant.id).encode() for reading in readings}
    return [
        KafkaRecord(one.topic, one.partition, one.offset, one.key, tuple(one.headers), one.value)
        for one in await records_of(stack, f"rapport.{service}")
        if dict(one.headers).get("ce_tenantid") in wanted
    ]


async def read(reading: Reading, batch: list[KafkaRecord]) -> None:
    """Apply a batch in both consumers. It may contain events of any tenant."""
    for service in (reading.loyalty, reading.analytics):
        await service.shared.dispatcher.apply(batch)
