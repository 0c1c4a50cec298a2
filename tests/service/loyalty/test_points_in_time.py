"""Points in time: pending points activate and later expire, no matter which operation settles them and when."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_program, purchase_recorded
from tests.support.loyalty import (
    a_running_program,
    act,
    buckets,
    is_sound,
    membership_path,
    on,
    overlapping,
    redeem,
    refunded,
)
from tests.support.service import ServiceUnderTest

IN_TIME = {"pending_days": 14, "expiry_policy": "rolling_months", "expiry_months": 1}


async def a_buyer(loyalty: ServiceUnderTest, *amounts: str, at: str = "2026-03-01T12:00:00Z") -> tuple[UUID, str]:
    """Create a customer with purchases of these amounts. Return the first purchase's id and the membership's path."""
    customer, first = uuid7(), uuid7()
    ids = [first, *(uuid7() for _ in amounts[1:])]
    await loyalty.deliver(
        [purchase_recorded(amount, customer, purchase_id=id, at=at) for amount, id in zip(amounts, ids, strict=True)]
    )
    return first, await membership_path(loyalty, customer)


async def test_points_are_pending_then_available_then_expired(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00")
    balance = (await (await on(loyalty, "2026-03-14")).get(f"{path}/balance")).json()
    assert (balance["pending"], balance["available"]) == (10, 0)
    assert balance["activating"] == [{"at": "2026-03-15T12:00:00Z", "points": 10}]
    balance = (await (await on(loyalty, "2026-03-15")).get(f"{path}/balance")).json()
    assert (balance["pending"], balance["available"]) == (0, 10)
    assert balance["expiring"] == [{"at": "2026-04-15T11:00:00Z", "points": 10}], "a month by the zone's clock"
    balance = (await (await on(loyalty, "2026-04-15")).get(f"{path}/balance")).json()
    assert (balance["pending"], balance["available"], balance["expiring"]) == (0, 0, [])


async def test_due_effects_are_published_once_by_the_next_operation(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00")
    await loyalty.published()
    later = await on(loyalty, "2026-06-01")
    for _ in range(2):
        gift = {"points": 1, "reason": "sorry"}
        assert (await later.post(f"{path}/adjustments", gift, idempotency_key=str(uuid7()))).status_code == 201
    published = [(event.type, event.data["points"]) for event in await loyalty.published()]
    assert published == [
        ("loyalty.points_activated.v1", 10),
        ("loyalty.points_expired.v1", 10),
        ("loyalty.points_adjusted.v1", 1),
        ("loyalty.points_adjusted.v1", 1),
    ]
    entries = (await later.get(f"{path}/entries")).json()["items"]
    moves = [(entry["kind"], entry["from_bucket"], entry["to_bucket"]) for entry in reversed(entries)]
    assert moves[:3] == [
        ("earn", "issued", "pending"),
        ("activate", "pending", "available"),
        ("expire", "available", "expired"),
    ]
    assert await is_sound(loyalty)


async def test_due_effects_are_published_before_the_operation_that_they_allow(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00")
    await loyalty.published()
    await redeem(await on(loyalty, "2026-03-20"), path, 4, "capture")
    assert [(event.type, event.data["available"]) for event in await loyalty.published()] == [
        ("loyalty.points_activated.v1", 10),
        ("loyalty.points_redeemed.v1", 6),
    ]


async def test_only_active_points_can_be_spent_even_before_they_are_settled(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00")
    rejected = await redeem(await on(loyalty, "2026-03-14"), path, 1, "capture")
    assert (rejected.status_code, rejected.json()["available"]) == (409, 0)
    rejected = await redeem(await on(loyalty, "2026-04-16"), path, 1, "capture")
    assert (rejected.status_code, rejected.json()["available"]) == (409, 0)
    assert (await redeem(await on(loyalty, "2026-03-15"), path, 10, "capture")).status_code == 201
    assert await is_sound(loyalty)


async def test_a_purchase_settles_what_became_due_before_it(loyalty: ServiceUnderTest) -> None:
    """A batch of purchases loads lots only for accounts with due effects, so it must find those accounts."""
    await a_running_program(loyalty, **IN_TIME)
    customer = uuid7()
    early = await on(loyalty, "2026-03-01")
    await early.deliver(purchase_recorded("7.00", customer, at="2026-02-25T12:00:00Z"))
    await early.deliver(purchase_recorded("10.00", customer, at="2026-03-01T12:00:00Z"))
    path = await membership_path(loyalty, customer)
    for day in ("2026-03-12", "2026-03-16", "2026-04-12"):
        today = await on(loyalty, day)
        await today.deliver(purchase_recorded("1.00", customer, at=f"{day}T12:00:00Z"))
        rows = await loyalty.rows("select pending, available from wallet")
        balance = (await today.get(f"{path}/balance")).json()
        assert (balance["pending"], balance["available"]) == (rows[0]["pending"], rows[0]["available"])
        assert await is_sound(loyalty), day
    assert (balance["pending"], balance["available"]) == (1, 12)


async def test_a_purchase_releases_a_hold_that_has_ended(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    early = await on(loyalty, "2026-03-01")
    await early.deliver(purchase_recorded("10.00", customer))
    held = await redeem(early, await membership_path(loyalty, customer), 6)
    later = await on(loyalty, "2026-03-02")
    await later.deliver(purchase_recorded("1.00", customer))
    assert await loyalty.rows("select available, reserved, due_at from wallet") == [
        {"available": 11, "reserved": 0, "due_at": None}
    ]
    assert (await later.get(f"/v1/redemptions/{held.json()['id']}")).json()["state"] == "expired"
    assert await is_sound(loyalty)


async def test_a_hold_outlives_the_expiry_of_its_points(loyalty: ServiceUnderTest) -> None:
    """Held points can be captured after their expiry. If they are released instead, they expire at once."""
    await a_running_program(loyalty, expiry_policy="rolling_months", expiry_months=1)
    early = await on(loyalty, "2026-03-01")
    _, path = await a_buyer(early, "10.00")
    long = 30 * 86_400
    captured, released = [await redeem(early, path, 5, expires_in_seconds=long) for _ in range(2)]
    later = await on(loyalty, "2026-03-30")
    await loyalty.rows("update lot set expires_at = '2026-03-29T12:00:00Z'")
    assert (await act(later, captured, "capture")).json()["state"] == "captured"
    assert (await act(later, released, "release")).json()["state"] == "released"
    assert await buckets(later, path) == (0, 0, 0)
    published = [event for event in await loyalty.published() if event.type == "loyalty.points_released.v1"]
    assert [(event.data["points"], event.data["expired"], event.data["available"]) for event in published] == [
        (5, 5, 0)
    ]
    assert await is_sound(loyalty)


@pytest.mark.parametrize(("day", "reason"), [("2026-04-10", "released"), ("2026-04-20", "expired")])
async def test_held_points_of_an_expired_lot_pay_no_debt(loyalty: ServiceUnderTest, day: str, reason: str) -> None:
    """The hold of March 20th is released after its lot has expired, or ends by itself on April 19th."""
    await a_running_program(loyalty, expiry_policy="rolling_months", expiry_months=1)
    early = await on(loyalty, "2026-03-20")
    _, path = await a_buyer(early, "10.00")
    held = await redeem(early, path, 10, expires_in_seconds=30 * 86_400)
    deduction = {"points": -4, "reason": "lent", "allow_debt": True}
    assert (await early.post(f"{path}/adjustments", deduction, idempotency_key="deduction")).status_code == 201
    await early.published()
    later = await on(loyalty, day)
    assert (await act(later, held, "release")).json()["state"] == reason
    assert await buckets(later, path) == (0, 0, 4)
    (event,) = await loyalty.published()
    moved = {name: event.data[name] for name in ("points", "debt_paid", "expired", "available", "reason")}
    assert moved == {"points": 10, "debt_paid": 0, "expired": 10, "available": 0, "reason": reason}
    assert await is_sound(loyalty)


async def test_a_refund_of_pending_points_leaves_no_debt_under_any_policy(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME, refund_policy="only_pending")
    today = await on(loyalty, "2026-03-01")
    purchase, path = await a_buyer(today, "10.00", "4.00")
    await today.deliver(refunded("10.00", purchase, uuid7()))
    balance = (await today.get(f"{path}/balance")).json()
    assert (balance["pending"], balance["debt"]) == (4, 0)
    assert await is_sound(loyalty)


async def test_a_refund_of_points_that_expired_unspent_leaves_no_debt(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    purchase, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00")
    later = await on(loyalty, "2026-06-01")
    await later.deliver(refunded("10.00", purchase, uuid7()))
    assert await buckets(later, path) == (0, 0, 0)
    assert await is_sound(loyalty)


async def test_a_purchase_received_years_late_earns_points_that_expire_at_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00", at="2020-01-01T00:00:00Z")
    assert await buckets(loyalty, path) == (0, 0, 0)
    assert [event.type for event in await loyalty.published()][-2:] == [
        "loyalty.points_earned.v1",
        "loyalty.points_expired.v1",
    ]
    assert await is_sound(loyalty)


async def test_parallel_operations_settle_an_account_once(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    _, path = await a_buyer(await on(loyalty, "2026-03-01"), "10.00", "8.00")
    later = await on(loyalty, "2026-03-20")
    responses = await overlapping(later, path, (redeem(later, path, 5, "capture") for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [201] * 3 + [409] * 5
    assert await buckets(later, path) == (3, 0, 0)
    assert await is_sound(loyalty)


async def test_the_periodic_task_settles_members_who_do_nothing(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, **IN_TIME)
    early = await on(loyalty, "2026-03-01")
    await early.deliver([purchase_recorded("10.00") for _ in range(250)])
    await early.published()
    await early.run_periodic_tasks()
    assert await early.published() == []
    later = await on(loyalty, "2026-05-01")
    await asyncio.gather(*(later.run_periodic_tasks() for _ in range(2)))
    published = Counter((event.type, event.data["points"]) for event in await loyalty.published())
    assert published == {("loyalty.points_activated.v1", 10): 250, ("loyalty.points_expired.v1", 10): 250}
    assert await loyalty.rows("select count(*) from wallet where due_at is not null or available > 0") == [{"count": 0}]
    assert await is_sound(loyalty)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"expiry_policy": "rolling_months"}, ""),
        ({"expiry_months": 12}, ""),
        ({"expiry_policy": "rolling_months", "expiry_months": 0}, "/expiry_months"),
        ({"expiry_policy": "rolling_months", "expiry_months": 121}, "/expiry_months"),
        ({"expiry_policy": "never"}, "/expiry_policy"),
        ({"pending_days": -1}, "/pending_days"),
        ({"pending_days": 366}, "/pending_days"),
    ],
)
async def test_a_program_with_invalid_periods_is_rejected(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    response = await loyalty.post("/v1/programs", a_program(**fields))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_an_operation_with_an_earlier_clock_does_not_move_points_back_in_time(loyalty: ServiceUnderTest) -> None:
    """The clock is behind, or the operation waited for the lock. Expired points stay expired and are published once."""
    await a_running_program(loyalty, expiry_policy="rolling_months", expiry_months=1)
    early = await on(loyalty, "2026-03-20")
    _, path = await a_buyer(early, "10.00")
    held = await redeem(early, path, 4, expires_in_seconds=20 * 86_400)
    await (await on(loyalty, "2026-04-02")).run_periodic_tasks()
    assert (await act(early, held, "release")).status_code == 200
    later = await on(loyalty, "2026-04-03")
    await later.run_periodic_tasks()
    assert await buckets(later, path) == (0, 0, 0)
    assert await is_sound(loyalty)


async def test_points_received_after_their_expiry_expire_before_the_next_are_earned(
    loyalty: ServiceUnderTest,
) -> None:
    await a_running_program(loyalty, expiry_policy="rolling_months", expiry_months=1)
    today = await on(loyalty, "2026-03-20")
    customer = uuid7()
    purchases = [purchase_recorded("7.00", customer, at="2025-01-01T00:00:00Z"), purchase_recorded("9.00", customer)]
    await today.deliver([purchases[0]])
    await loyalty.published()
    await today.deliver([purchase_recorded("5.00", customer, at="2025-01-01T00:00:00Z"), purchases[1]])
    published = [(event.type.split(".")[1], event.data["available"]) for event in await loyalty.published()]
    assert published == [("points_earned", 0), ("points_expired", 0), ("points_earned", 9)]
