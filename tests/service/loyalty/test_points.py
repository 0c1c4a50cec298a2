"""Points: a purchase earns its points once."""

from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_rule, purchase_recorded
from tests.support.loyalty import (
    a_member,
    a_running_program,
    buckets,
    is_sound,
    membership_of,
    membership_path,
    overlapping,
    points_of,
)
from tests.support.service import ServiceUnderTest


async def test_a_buyer_becomes_a_member_and_earns(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("12.99", customer))
    assert await points_of(loyalty, customer) == 12
    assert [event.type for event in await loyalty.published()] == [
        "loyalty.member_joined.v1",
        "loyalty.points_earned.v1",
    ]


async def test_the_same_event_twice_earns_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    fact = purchase_recorded("10.00", customer, id=uuid7())
    await loyalty.deliver(fact)
    await loyalty.deliver(fact, fact)
    assert await points_of(loyalty, customer) == 10


async def test_the_same_purchase_under_a_new_event_id_earns_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    assert await points_of(loyalty, customer) == 10
    assert await loyalty.dead_letters() == []  # rejected by its basis, not only by the ledger's natural key


async def test_the_same_purchase_twice_in_one_batch_earns_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver([purchase_recorded("10.00", customer, purchase_id=purchase) for _ in range(2)])
    assert await points_of(loyalty, customer) == 10


@pytest.mark.parametrize(
    ("rule", "amount", "points"),
    [
        (a_rule(10, "10.00"), "19.99", 10),
        (a_rule(3, "2.00"), "9.99", 12),
        (a_rule(10, "10.00", rounding="full_steps"), "19.99", 10),
        (a_rule(10, "10.00", rounding="proportional"), "19.99", 19),
        (a_rule(3, "2.00", rounding="proportional"), "9.99", 14),
    ],
)
async def test_a_rule_grants_points_for_full_steps_unless_it_is_proportional(
    loyalty: ServiceUnderTest, rule: dict[str, Any], amount: str, points: int
) -> None:
    program = await a_running_program(loyalty, rule)
    (stored,) = (await loyalty.get(f"/v1/programs/{program}/earning-rules")).json()["items"]
    assert stored["rounding"] == rule.get("rounding", "full_steps")
    customer = uuid7()
    await loyalty.deliver(purchase_recorded(amount, customer))
    assert await points_of(loyalty, customer) == points


async def test_a_purchase_of_less_than_a_step_creates_a_member_and_no_entry(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, a_rule(10, "10.00"))
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("9.99", customer))
    path = await membership_path(loyalty, customer)
    assert (await loyalty.get(f"{path}/entries")).json()["items"] == []


async def test_an_order_of_zero_creates_a_member_and_no_entry(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("0.00", customer))
    path = await membership_path(loyalty, customer)
    assert (await loyalty.get(f"{path}/entries")).json()["items"] == []


async def test_a_late_purchase_earns_by_the_rule_of_its_time(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty, a_rule(1))
    rule = (await loyalty.get(f"/v1/programs/{program}/earning-rules")).json()["items"][0]
    newer = {"points": 5, "per": "1.00", "valid_from": "2026-02-01T00:00:00Z"}
    response = await loyalty.post(f"/v1/programs/{program}/earning-rules/{rule['id']}/versions", newer)
    assert (response.status_code, response.json()["version"]) == (201, 2)
    early, late = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", early, at="2026-01-31T23:59:59Z"))
    await loyalty.deliver(purchase_recorded("10.00", late, at="2026-02-01T00:00:00Z"))
    assert (await points_of(loyalty, early), await points_of(loyalty, late)) == (10, 50)


async def test_several_rules_each_grant_their_own_entry(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, a_rule(1), a_rule(1, "5.00"))
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("12.00", customer))
    assert await points_of(loyalty, customer) == 12 + 2
    earned = [event for event in await loyalty.published() if event.type == "loyalty.points_earned.v1"]
    assert sorted(event.data["points"] for event in earned) == [2, 12]


async def test_another_currency_earns_nothing(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer, currency="USD"))
    assert await membership_of(loyalty, customer) is None


async def test_a_member_who_joined_by_request_earns_only_afterwards(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty, enrolment="open")
    customer = uuid7()
    await loyalty.post("/v1/memberships", {"program_id": program, "customer_id": str(customer)})
    await loyalty.deliver(purchase_recorded("10.00", customer, at="2020-01-01T00:00:00Z"))
    await loyalty.deliver(purchase_recorded("7.00", customer, at="2099-01-01T00:00:00Z"))
    assert await points_of(loyalty, customer) == 7


async def test_parallel_batches_of_a_member_lose_no_points(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "10.00")
    batches = [[purchase_recorded("1.00", customer) for _ in range(2)] for _ in range(4)]
    await overlapping(loyalty, path, (loyalty.deliver(batch) for batch in batches))
    assert await buckets(loyalty, path) == (10 + 8, 0, 0)
    assert await is_sound(loyalty)


async def test_a_buyer_who_has_not_joined_an_open_program_earns_nothing(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, enrolment="open")
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer))
    assert await membership_of(loyalty, customer) is None


async def test_a_credit_pays_the_debt_first(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("1.00", customer))
    path = await membership_path(loyalty, customer)
    deduction = {"points": -30, "reason": "lent", "allow_debt": True}
    assert (await loyalty.post(f"{path}/adjustments", deduction, idempotency_key="deduction")).status_code == 201
    await loyalty.deliver(purchase_recorded("20.00", customer), purchase_recorded("20.00", customer))
    balance = (await loyalty.get(f"{path}/balance")).json()
    assert (balance["debt"], balance["available"]) == (0, 11)
    assert await is_sound(loyalty)


async def test_verify_reports_a_wallet_that_was_tampered_with(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer))
    assert await is_sound(loyalty)
    await loyalty.rows("update wallet set available = available + 1")
    differences = (await loyalty.get("/v1/ledger/verify")).json()["differences"]
    assert [(item["bucket"], item["stands"], item["recomputed"]) for item in differences] == [
        ("available", 11, 10),
        ("available in lots and holds", 11, 10),
    ]
