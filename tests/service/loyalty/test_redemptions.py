"""Redemptions: members spend points once, and an expired hold releases its points automatically."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import purchase_recorded
from tests.support.loyalty import (
    a_member,
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


async def let_holds_end(loyalty: ServiceUnderTest) -> None:
    await loyalty.rows("update redemption set hold_ends_at = hold_ends_at - $1::interval", timedelta(days=1))
    await loyalty.rows("update wallet set due_at = due_at - $1::interval", timedelta(days=1))


async def test_points_are_held_and_then_spent(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 6)
    assert (held.status_code, held.json()["state"]) == (201, "reserved")
    assert await buckets(loyalty, path) == (4, 6, 0)
    for _ in range(2):
        captured = await act(loyalty, held, "capture")
        assert (captured.status_code, captured.json()["state"]) == (200, "captured")
    rejected = await act(loyalty, held, "release")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "already_captured")
    assert await buckets(loyalty, path) == (4, 0, 0)
    assert await is_sound(loyalty)
    assert [event.type for event in await loyalty.published()] == [
        "loyalty.points_reserved.v1",
        "loyalty.points_redeemed.v1",
    ]


async def test_released_points_return_to_their_own_lots(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "3.00", "5.00")
    held = await redeem(loyalty, path, 7)
    lots = "select original, remaining from lot order by original"
    assert [lot["remaining"] for lot in await loyalty.rows(lots)] == [0, 1]
    for _ in range(2):
        assert (await act(loyalty, held, "release")).json()["state"] == "released"
    assert [lot["remaining"] for lot in await loyalty.rows(lots)] == [3, 5]
    rejected = await act(loyalty, held, "capture")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "already_released")
    assert await buckets(loyalty, path) == (8, 0, 0)
    assert await is_sound(loyalty)


async def test_parallel_redemptions_never_overspend(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "49.00")
    responses = await overlapping(
        loyalty, path, (redeem(loyalty, path, 10, "capture" if number % 2 else "reserve") for number in range(12))
    )
    assert Counter(response.status_code for response in responses) == {201: 4, 409: 8}
    rejected = next(response.json() for response in responses if response.status_code == 409)
    assert (rejected["code"], rejected["available"]) == ("insufficient_points", 9)
    available, reserved, _ = await buckets(loyalty, path)
    redemptions = [response.json() for response in responses if response.status_code == 201]
    holds = sum(1 for redemption in redemptions if redemption["state"] == "reserved")
    assert (available, reserved) == (9, 10 * holds)
    assert await is_sound(loyalty)


async def test_of_parallel_captures_and_releases_either_wins(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 10)
    responses = await overlapping(loyalty, path, (act(loyalty, held, verb) for verb in ("capture", "release") * 5))
    states = {response.json()["state"] for response in responses if response.status_code == 200}
    assert len(states) == 1
    assert await buckets(loyalty, path) == ((0, 0, 0) if states == {"captured"} else (10, 0, 0))
    assert await is_sound(loyalty)


async def test_an_ended_hold_is_expired_even_before_it_is_settled(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 10, expires_in_seconds=60)
    assert (await redeem(loyalty, path, 1)).status_code == 409
    await let_holds_end(loyalty)
    assert await buckets(loyalty, path) == (10, 0, 0)
    assert (await loyalty.get(f"/v1/redemptions/{held.json()['id']}")).json()["state"] == "expired"
    assert (await act(loyalty, held, "capture")).json()["code"] == "already_released"
    assert (await act(loyalty, held, "release")).json()["state"] == "expired"
    assert (await redeem(loyalty, path, 10, "capture")).status_code == 201
    assert await is_sound(loyalty)


async def test_an_ended_hold_keeps_its_stored_version_until_it_is_settled(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    early = await on(loyalty, "2026-03-01")
    await early.deliver(purchase_recorded("10.00", customer))
    held = await redeem(early, await membership_path(early, customer), 10)
    later = await on(loyalty, "2026-03-02")
    ended = await later.get(f"/v1/redemptions/{held.json()['id']}")
    (stored,) = await loyalty.rows("select version, state, updated_at from redemption")
    assert (stored["version"], stored["state"]) == (1, "reserved")
    assert (ended.json()["state"], ended.json()["version"]) == ("expired", 1)
    assert "etag" not in ended.headers
    assert datetime.fromisoformat(ended.json()["updated_at"]) == stored["updated_at"]
    await later.run_periodic_tasks()
    (stored,) = await loyalty.rows("select version, state, updated_at from redemption")
    assert (stored["version"], stored["state"]) == (2, "expired")
    settled = await later.get(f"/v1/redemptions/{held.json()['id']}")
    assert (settled.json()["state"], settled.json()["version"], settled.headers["etag"]) == ("expired", 2, '"2"')
    assert datetime.fromisoformat(settled.json()["updated_at"]) == stored["updated_at"]


async def test_a_refund_never_reverses_held_points_and_a_release_pays_the_debt(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer, purchase_id=purchase))
    path = await membership_path(loyalty, customer)
    held = await redeem(loyalty, path, 8)
    await loyalty.deliver(refunded("10.00", purchase, customer))
    assert await buckets(loyalty, path) == (0, 8, 8)
    await act(loyalty, held, "release")
    assert await buckets(loyalty, path) == (0, 0, 0)
    assert await is_sound(loyalty)


async def test_a_repeated_key_redeems_once_and_a_key_is_required(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 4, "mode": "capture"}
    first = await loyalty.post(f"{path}/redemptions", body, idempotency_key="k")
    again = await loyalty.post(f"{path}/redemptions", body, idempotency_key="k")
    assert (first.status_code, again.json()) == (201, first.json())
    assert await buckets(loyalty, path) == (6, 0, 0)
    response = await loyalty.post(f"{path}/redemptions", body)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"points": 0}, "/points"),
        ({"points": -5}, "/points"),
        ({"points": 1.5}, "/points"),
        ({"points": 10**16}, "/points"),
        ({"mode": "steal"}, "/mode"),
        ({"expires_in_seconds": 0}, "/expires_in_seconds"),
    ],
)
async def test_an_invalid_redemption_is_rejected(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 1, "mode": "reserve"} | fields
    response = await loyalty.post(f"{path}/redemptions", body, idempotency_key=str(uuid7()))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_unknown_membership_returns_404(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 1)
    assert (await redeem(other, path, 1)).status_code == 404
    assert (await act(other, held, "capture")).status_code == 404
    assert (await act(other, held, "release")).status_code == 404
    assert (await redeem(loyalty, f"/v1/memberships/{uuid7()}", 1)).status_code == 404
