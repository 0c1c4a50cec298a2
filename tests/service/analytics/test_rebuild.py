"""Rollups equal their facts whatever the delivery was like, and a rebuild says so, or repairs them."""

import asyncio
import random
from typing import Any

from chassis.ids import uuid7
from chassis.work import Work, transaction
from tests.service.analytics.test_figures import ask, refunded
from tests.support.facts import bought
from tests.support.service import ServiceUnderTest


def some_facts(seed: int) -> list[dict[str, Any]]:
    """Purchases and refunds of a few customers, some of them under several event ids."""
    dice = random.Random(seed)
    customers = [uuid7() for _ in range(6)]
    facts = []
    for _ in range(80):
        customer, day = dice.choice(customers), f"2026-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}T10:00:00Z"
        if dice.random() < 0.7:
            currency = dice.choice(["EUR", "USD"])
            fact = bought(f"{dice.randint(0, 99)}.50", customer, at=day, currency=currency, purchase_id=uuid7())
        else:
            fact = refunded(f"{dice.randint(1, 20)}.25", customer, day)
        facts += [fact] * dice.choice([1, 1, 1, 2, 3])
    dice.shuffle(facts)
    return facts


async def deliver_in_cuts(analytics: ServiceUnderTest, facts: list[dict[str, Any]], seed: int) -> None:
    dice = random.Random(seed)
    while facts:
        size = dice.randint(1, 30)
        cut, facts = facts[:size], facts[size:]
        await analytics.deliver(cut)


async def test_disorder_repetition_and_other_cuts_leave_nothing_to_repair(analytics: ServiceUnderTest) -> None:
    facts = some_facts(1)
    await deliver_in_cuts(analytics, facts, 2)
    assert await analytics.rebuild(repair=False) == 0
    before = await analytics.rows("select currency, customer_id, revenue_minor from customer_value order by 1, 2")
    assert len(before) > 6
    random.Random(3).shuffle(facts)
    await deliver_in_cuts(analytics, facts, 4)
    after = await analytics.rows("select currency, customer_id, revenue_minor from customer_value order by 1, 2")
    assert after == before


async def test_what_differs_is_found_and_repaired(running_analytics: ServiceUnderTest) -> None:
    analytics, other = await running_analytics.for_new_tenant(), await running_analytics.for_new_tenant()
    for tenant in (analytics, other):
        await tenant.deliver([bought("10.00", purchase_id=uuid7(), at="2026-03-01T10:00:00Z") for _ in range(5)])
    right = await analytics.rows("select * from customer_value order by customer_id")
    spoilt, wrong_day, gone, *_ = [row["customer_id"] for row in right]
    await analytics.rows("update customer_value set revenue_minor = revenue_minor + 1 where customer_id = $1", spoilt)
    await analytics.rows("update customer_value set last_at = '2027-01-01' where customer_id = $1", wrong_day)
    await analytics.rows("delete from customer_value where customer_id = $1", gone)
    await analytics.rows(
        "insert into customer_value (currency, customer_id, purchases, revenue_minor) values ('EUR', $1, 3, 99)",
        uuid7(),
    )
    await other.rows("update customer_value set purchases = purchases + 1")
    assert await analytics.rebuild(repair=False) == 4
    assert (await ask(analytics, "pareto"))["customers"] == 5 - 1 + 1
    assert await analytics.rebuild() == 4
    assert await analytics.rebuild() == 0
    repaired = await analytics.rows("select * from customer_value order by customer_id")
    assert [row | {"id": None} for row in repaired] == [row | {"id": None} for row in right]
    assert await other.rebuild(repair=False) == 5, "another tenant's rollups are its own"


async def test_a_rebuild_while_facts_come_in_loses_none(analytics: ServiceUnderTest) -> None:
    facts = some_facts(5)
    await deliver_in_cuts(analytics, facts[:60], 6)
    await analytics.rows("update customer_value set revenue_minor = revenue_minor + 1")
    _, repaired = await asyncio.gather(deliver_in_cuts(analytics, facts[60:], 7), analytics.rebuild())
    assert repaired > 0
    assert await analytics.rebuild(repair=False) == 0


async def test_a_rebuild_waits_for_a_fact_that_is_just_coming_in(analytics: ServiceUnderTest) -> None:
    customer = uuid7()
    await analytics.deliver(bought("10.00", customer))
    await analytics.rows("delete from customer_value")
    async with transaction(Work(analytics.shared.worker_pool, analytics.caller)) as coming_in:
        await coming_in.execute(
            "with fact as (insert into purchase_fact (customer_id, purchased_at, currency, revenue_minor) "
            "values ($1, now(), 'EUR', 500)) insert into customer_value "
            "(currency, customer_id, purchases, revenue_minor, first_at, last_at) "
            "values ('EUR', $1, 1, 500, now(), now())",
            customer,
        )
        rebuilding = asyncio.create_task(analytics.rebuild())
        await asyncio.sleep(0.3)
        assert not rebuilding.done()
    assert await rebuilding == 1
    assert await analytics.rebuild(repair=False) == 0
    assert (await ask(analytics, "pareto"))["revenue"] == "15.00"
