"""Rebuilds: sums equal their facts after any order of delivery. A rebuild confirms this or repairs the sums."""

import asyncio
import random
from typing import Any

from chassis import Command
from chassis.types.ids import uuid7
from tests.support.analytics import purchase_refunded, read_figures
from tests.support.facts import purchase_recorded
from tests.support.service import ServiceUnderTest


def random_facts(seed: int) -> list[dict[str, Any]]:
    """Return purchases and refunds of a few customers, some of them under several event ids."""
    rng = random.Random(seed)
    customers = [uuid7() for _ in range(6)]
    facts = []
    for _ in range(80):
        customer, day = rng.choice(customers), f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T10:00:00Z"
        if rng.random() < 0.7:
            currency = rng.choice(["EUR", "USD"])
            fact = purchase_recorded(
                f"{rng.randint(0, 99)}.50", customer, at=day, currency=currency, purchase_id=uuid7()
            )
        else:
            fact = purchase_refunded(f"{rng.randint(1, 20)}.25", customer, day)
        facts += [fact] * rng.choice([1, 1, 1, 2, 3])
    rng.shuffle(facts)
    return facts


async def deliver_in_batches(analytics: ServiceUnderTest, facts: list[dict[str, Any]], seed: int) -> None:
    rng = random.Random(seed)
    while facts:
        size = rng.randint(1, 30)
        batch, facts = facts[:size], facts[size:]
        await analytics.deliver(batch)


async def test_disorder_repetition_and_other_batches_leave_nothing_to_repair(analytics: ServiceUnderTest) -> None:
    facts = random_facts(1)
    await deliver_in_batches(analytics, facts, 2)
    assert await analytics.rebuild(repair=False) == 0
    before = await analytics.rows("select currency, customer_id, revenue_minor from customer_value order by 1, 2")
    assert len(before) > 6
    random.Random(3).shuffle(facts)
    await deliver_in_batches(analytics, facts, 4)
    after = await analytics.rows("select currency, customer_id, revenue_minor from customer_value order by 1, 2")
    assert after == before


async def test_sums_that_differ_are_found_and_repaired(running_analytics: ServiceUnderTest) -> None:
    analytics, other = await running_analytics.for_new_tenant(), await running_analytics.for_new_tenant()
    for tenant in (analytics, other):
        await tenant.deliver(
            [purchase_recorded("10.00", purchase_id=uuid7(), at="2026-03-01T10:00:00Z") for _ in range(5)]
        )
    right = await analytics.rows("select * from customer_value order by customer_id")
    wrong_revenue, wrong_day, deleted, *_ = [row["customer_id"] for row in right]
    await analytics.rows(
        "update customer_value set revenue_minor = revenue_minor + 1 where customer_id = $1", wrong_revenue
    )
    await analytics.rows("update customer_value set last_at = '2027-01-01' where customer_id = $1", wrong_day)
    await analytics.rows("delete from customer_value where customer_id = $1", deleted)
    await analytics.rows(
        "insert into customer_value (currency, customer_id, purchases, revenue_minor) values ('EUR', $1, 3, 99)",
        uuid7(),
    )
    await other.rows("update customer_value set purchases = purchases + 1")
    assert await analytics.rebuild(repair=False) == 4
    assert (await read_figures(analytics, "pareto"))["customers"] == 5 - 1 + 1
    assert await analytics.rebuild() == 4
    assert await analytics.rebuild() == 0
    repaired = await analytics.rows("select * from customer_value order by customer_id")
    assert [row | {"id": None} for row in repaired] == [row | {"id": None} for row in right]
    assert await other.rebuild(repair=False) == 5, "a rebuild repairs its own tenant only"


async def test_rebuild_during_deliveries_loses_no_fact(analytics: ServiceUnderTest) -> None:
    facts = random_facts(5)
    await deliver_in_batches(analytics, facts[:60], 6)
    await analytics.rows("update customer_value set revenue_minor = revenue_minor + 1")
    _, repaired = await asyncio.gather(deliver_in_batches(analytics, facts[60:], 7), analytics.rebuild())
    assert repaired > 0
    assert await analytics.rebuild(repair=False) == 0


async def test_rebuild_waits_for_uncommitted_facts(analytics: ServiceUnderTest) -> None:
    customer = uuid7()
    await analytics.deliver(purchase_recorded("10.00", customer))
    await analytics.rows("delete from customer_value")
    async with analytics.work() as work:
        await work.execute(_ADD_FACT, customer_id=customer)
        rebuilding = asyncio.create_task(analytics.rebuild())
        await asyncio.sleep(0.3)
        assert not rebuilding.done()
    assert await rebuilding == 1
    assert await analytics.rebuild(repair=False) == 0
    assert (await read_figures(analytics, "pareto"))["revenue"] == "15.00"


_ADD_FACT = Command(
    """
    with fact as (
        insert into purchase_fact (customer_id, purchased_at, currency, revenue_minor)
        values (:customer_id, now(), 'EUR', 500)
    )
    insert into customer_value (currency, customer_id, purchases, revenue_minor, first_at, last_at)
    values ('EUR', :customer_id, 1, 500, now(), now())
    """
)
