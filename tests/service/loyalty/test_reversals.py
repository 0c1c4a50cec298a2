"""Refunds take back what was earned: exactly, once, before their purchase or after."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import json
from chassis.events import Envelope
from chassis.ids import uuid7
from chassis.work import Work, transaction
from services.loyalty.features.points.earning import award_points
from services.loyalty.features.points.facts import PurchaseRecorded
from services.loyalty.rules import Rule, reversal
from tests.service.loyalty.test_points import a_running_program, membership_of, points_of
from tests.support.facts import a_rule, bought
from tests.support.service import ServiceUnderTest


def refunded(amount: str, purchase_id: UUID, customer: UUID, **envelope: Any) -> dict[str, Any]:
    data = {
        "refund_id": str(uuid7()),
        "purchase_id": str(purchase_id),
        "customer_id": str(customer),
        "refunded_at": "2026-03-05T10:00:00Z",
        "amount": {"amount": amount, "currency": "EUR"},
    }
    return {"type": "interactions.purchase_refunded.v1", "key": customer, "data": data, **envelope}


async def is_sound(loyalty: ServiceUnderTest) -> bool:
    return bool((await loyalty.get("/v1/ledger/verify")).json()["differences"] == [])


@given(
    st.integers(1, 50), st.integers(1, 500), st.lists(st.integers(1, 5_000), min_size=1, max_size=8), st.integers(0, 99)
)
def test_any_partition_takes_back_what_the_whole_does(points: int, per: int, parts: list[int], rest: int) -> None:
    rule = Rule(uuid7(), 1, points, per, None, None)
    eligible = sum(parts) + rest
    gone, reversed_points = 0, 0
    for part in parts:
        reversed_points += reversal(rule, eligible, gone, gone + part)
        gone += part
    assert reversed_points == reversal(rule, eligible, 0, gone)
    assert reversed_points <= rule.points_for(eligible)
    if rest == 0:
        assert reversed_points == rule.points_for(eligible)


async def test_cents_that_go_back_one_by_one_take_back_every_point(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, a_rule(1), a_rule(3, "2.00"))
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(bought("9.99", customer, purchase_id=purchase))
    assert await points_of(loyalty, customer) == 9 + 14
    await loyalty.deliver([refunded("3.33", purchase, customer) for _ in range(2)])
    assert await points_of(loyalty, customer) == 3 + 4
    await loyalty.deliver(refunded("3.33", purchase, customer))
    assert await points_of(loyalty, customer) == 0
    assert await is_sound(loyalty)
    taken = [event.data["points"] for event in await loyalty.published() if event.type == "loyalty.points_reversed.v1"]
    assert sum(taken) == 23


async def test_a_refund_goes_by_the_rule_of_its_purchase(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty, a_rule(1))
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(bought("10.00", customer, purchase_id=purchase))
    rule = (await loyalty.get(f"/v1/programs/{program}/earning-rules")).json()["items"][0]
    newer = {"points": 5, "per": "1.00", "valid_from": "2026-03-02T00:00:00Z"}
    await loyalty.post(f"/v1/programs/{program}/earning-rules/{rule['id']}/versions", newer)
    await loyalty.deliver(refunded("4.00", purchase, customer))
    assert await points_of(loyalty, customer) == 6


async def test_order_and_refund_commute_and_twice_is_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    shuffled = random.Random(7)
    for _ in range(12):
        customer, purchase = uuid7(), uuid7()
        facts = [
            bought("10.00", customer, purchase_id=purchase),
            refunded("2.50", purchase, customer),
            refunded("2.50", purchase, customer),
            refunded("1.75", purchase, customer),
        ]
        told = [*facts, *({**fact, "id": uuid7()} for fact in facts)]  # again, under new event ids
        shuffled.shuffle(told)
        for fact in told:
            await loyalty.deliver(fact)
        assert await points_of(loyalty, customer) == 3, [fact["type"] for fact in told]
    assert await is_sound(loyalty)
    assert await loyalty.dead_letters() == []


@pytest.mark.parametrize(("policy", "available", "debt"), [("debt", 0, 4), ("within_balance", 0, 0)])
async def test_points_that_are_spent_by_then(loyalty: ServiceUnderTest, policy: str, available: int, debt: int) -> None:
    await a_running_program(loyalty, refund_policy=policy)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(bought("10.00", customer, purchase_id=purchase))
    membership = await membership_of(loyalty, customer)
    assert membership is not None
    path = f"/v1/memberships/{membership['id']}"
    spent = await loyalty.post(f"{path}/redemptions", {"points": 4, "mode": "capture"}, idempotency_key="spent")
    assert spent.status_code == 201
    await loyalty.deliver(refunded("10.00", purchase, customer))
    balance = (await loyalty.get(f"{path}/balance")).json()
    assert (balance["available"], balance["debt"]) == (available, debt)
    assert await is_sound(loyalty)


async def test_a_refund_takes_the_purchases_own_points_first(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, first, second = uuid7(), uuid7(), uuid7()
    await loyalty.deliver(bought("5.00", customer, purchase_id=first), bought("7.00", customer, purchase_id=second))
    await loyalty.deliver(refunded("7.00", second, customer))
    lots = await loyalty.rows("select original, remaining from lot order by original")
    assert [(lot["original"], lot["remaining"]) for lot in lots] == [(5, 5), (7, 0)]


async def test_a_purchase_told_again_to_a_newer_program_is_not_reversed_twice_in_the_older(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(bought("10.00", customer, purchase_id=purchase), refunded("4.00", purchase, customer))
    assert await points_of(loyalty, customer) == 6
    await a_running_program(loyalty, a_rule(10))
    await loyalty.deliver(bought("10.00", customer, purchase_id=purchase))
    rows = await loyalty.rows("select available from wallet order by available")
    assert [row["available"] for row in rows] == [6, 60]
    assert await loyalty.dead_letters() == []
    assert await is_sound(loyalty)


async def test_a_purchase_and_its_refund_at_one_moment_see_one_another(loyalty: ServiceUnderTest) -> None:
    """A dead letter of either may be replayed while the other is applied."""
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    told = loyalty.record_of(bought("10.00", customer, purchase_id=purchase))
    event = PurchaseRecorded.from_record(Envelope.from_headers(told.headers), json.loads(told.value or b""))
    async with transaction(Work(loyalty.shared.worker_pool, loyalty.caller)) as work:
        assert isinstance(event, PurchaseRecorded)
        await award_points(work, [event])
        refunding = asyncio.create_task(loyalty.deliver(refunded("4.00", purchase, customer)))
        await asyncio.sleep(0.3)
        assert not refunding.done()
    await refunding
    assert await points_of(loyalty, customer) == 6
    assert await is_sound(loyalty)
