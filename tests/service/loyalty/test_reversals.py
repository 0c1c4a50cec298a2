"""Reversals: a refund reverses earned points exactly and once, before or after its purchase is received."""

import asyncio
import random

import pytest

from chassis.core.events import Envelope
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import uuid7
from services.loyalty.points.points.earning import award_points
from services.loyalty.points.points.events import PurchaseRecorded
from tests.support.facts import a_rule, purchase_recorded
from tests.support.loyalty import a_running_program, is_sound, membership_path, points_of, refunded
from tests.support.service import ServiceUnderTest


async def test_partial_refunds_of_everything_reverse_every_point(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, a_rule(1), a_rule(3, "2.00", rounding="proportional"))
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("9.99", customer, purchase_id=purchase))
    assert await points_of(loyalty, customer) == 9 + 14
    await loyalty.deliver([refunded("3.33", purchase, customer) for _ in range(2)])
    assert await points_of(loyalty, customer) == 3 + 4
    await loyalty.deliver(refunded("3.33", purchase, customer))
    assert await points_of(loyalty, customer) == 0
    assert await is_sound(loyalty)
    points = [event.data["points"] for event in await loyalty.published() if event.type == "loyalty.points_reversed.v1"]
    assert sum(points) == 23


@pytest.mark.parametrize(("rounding", "earned", "kept"), [("full_steps", 12, 6), ("proportional", 14, 7)])
async def test_a_refund_reverses_points_by_the_rounding_they_were_earned_with(
    loyalty: ServiceUnderTest, rounding: str, earned: int, kept: int
) -> None:
    program = await a_running_program(loyalty, a_rule(3, "2.00", rounding=rounding))
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("9.99", customer, purchase_id=purchase))
    assert await points_of(loyalty, customer) == earned
    path = f"/v1/programs/{program}/earning-rules"
    (rule,) = (await loyalty.get(path)).json()["items"]
    other = {"full_steps": "proportional", "proportional": "full_steps"}[rounding]
    newer = {"points": 3, "per": "2.00", "rounding": other, "valid_from": "2026-03-02T00:00:00Z"}
    assert (await loyalty.post(f"{path}/{rule['id']}/versions", newer)).json()["rounding"] == other
    await loyalty.deliver(refunded("4.99", purchase, customer))
    assert await points_of(loyalty, customer) == kept


async def test_a_refund_uses_the_rule_version_of_its_purchase(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty, a_rule(1))
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    rule = (await loyalty.get(f"/v1/programs/{program}/earning-rules")).json()["items"][0]
    newer = {"points": 5, "per": "1.00", "valid_from": "2026-03-02T00:00:00Z"}
    await loyalty.post(f"/v1/programs/{program}/earning-rules/{rule['id']}/versions", newer)
    await loyalty.deliver(refunded("4.00", purchase, customer))
    assert await points_of(loyalty, customer) == 6


async def test_purchases_and_refunds_commute_and_repeats_change_nothing(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    rng = random.Random(7)
    for _ in range(12):
        customer, purchase = uuid7(), uuid7()
        facts = [
            purchase_recorded("10.00", customer, purchase_id=purchase),
            refunded("2.50", purchase, customer),
            refunded("2.50", purchase, customer),
            refunded("1.75", purchase, customer),
        ]
        deliveries = [*facts, *({**fact, "id": uuid7()} for fact in facts)]  # delivered again, with new event ids
        rng.shuffle(deliveries)
        for fact in deliveries:
            await loyalty.deliver(fact)
        assert await points_of(loyalty, customer) == 3, [fact["type"] for fact in deliveries]
    assert await is_sound(loyalty)
    assert await loyalty.dead_letters() == []


@pytest.mark.parametrize(("policy", "available", "debt"), [("debt", 0, 4), ("within_balance", 0, 0)])
async def test_a_refund_of_spent_points_follows_the_refund_policy(
    loyalty: ServiceUnderTest, policy: str, available: int, debt: int
) -> None:
    await a_running_program(loyalty, refund_policy=policy)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    path = await membership_path(loyalty, customer)
    spent = await loyalty.post(f"{path}/redemptions", {"points": 4, "mode": "capture"}, idempotency_key="spent")
    assert spent.status_code == 201
    await loyalty.deliver(refunded("10.00", purchase, customer))
    balance = (await loyalty.get(f"{path}/balance")).json()
    assert (balance["available"], balance["debt"]) == (available, debt)
    assert await is_sound(loyalty)


async def test_a_refund_reverses_the_purchases_own_points_first(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, first, second = uuid7(), uuid7(), uuid7()
    await loyalty.deliver(
        purchase_recorded("5.00", customer, purchase_id=first), purchase_recorded("7.00", customer, purchase_id=second)
    )
    await loyalty.deliver(refunded("7.00", second, customer))
    lots = await loyalty.rows("select original, remaining from lot order by original")
    assert [(lot["original"], lot["remaining"]) for lot in lots] == [(5, 5), (7, 0)]


async def test_a_purchase_delivered_again_to_a_newer_program_is_not_reversed_twice_in_the_older(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(
        purchase_recorded("10.00", customer, purchase_id=purchase), refunded("4.00", purchase, customer)
    )
    assert await points_of(loyalty, customer) == 6
    await a_running_program(loyalty, a_rule(10))
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    rows = await loyalty.rows("select available from wallet order by available")
    assert [row["available"] for row in rows] == [6, 60]
    assert await loyalty.dead_letters() == []
    assert await is_sound(loyalty)


async def test_a_concurrent_purchase_and_refund_see_each_other(loyalty: ServiceUnderTest) -> None:
    """A dead letter of either event may be replayed while the other is applied."""
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    record = loyalty.record_of(purchase_recorded("10.00", customer, purchase_id=purchase))
    event = PurchaseRecorded.from_record(Envelope.from_headers(record.headers), record.value or b"")
    async with Transaction(loyalty.shared.worker_pool, loyalty.caller) as transaction:
        await award_points(UnitOfWork(transaction), [event])
        refunding = asyncio.create_task(loyalty.deliver(refunded("4.00", purchase, customer)))
        await asyncio.sleep(0.3)
        assert not refunding.done()
    await refunding
    assert await points_of(loyalty, customer) == 6
    assert await is_sound(loyalty)
