"""Redemptions: members spend what they have, once, and a hold comes back by itself."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.ids import uuid7
from tests.service.loyalty.test_points import a_running_program, membership_of
from tests.service.loyalty.test_reversals import is_sound, refunded
from tests.support.facts import bought
from tests.support.service import ServiceUnderTest


async def a_member(loyalty: ServiceUnderTest, *amounts: str) -> tuple[UUID, str]:
    """A customer who has bought for these amounts; the customer's id and the membership's path."""
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver([bought(amount, customer) for amount in amounts])
    membership = await membership_of(loyalty, customer)
    assert membership is not None
    await loyalty.published()
    return customer, f"/v1/memberships/{membership['id']}"


async def redeem(
    loyalty: ServiceUnderTest, path: str, points: int, mode: str = "reserve", **fields: Any
) -> httpx.Response:
    body = {"points": points, "mode": mode, **fields}
    return await loyalty.post(f"{path}/redemptions", body, idempotency_key=str(uuid7()))


async def act(loyalty: ServiceUnderTest, redemption: httpx.Response, verb: str) -> httpx.Response:
    path = f"/v1/redemptions/{redemption.json()['id']}/{verb}"
    return await loyalty.request("POST", path, headers={"idempotency-key": str(uuid7())})


async def buckets(loyalty: ServiceUnderTest, path: str) -> tuple[int, int, int]:
    """Available, reserved, debt."""
    balance = (await loyalty.get(f"{path}/balance")).json()
    return balance["available"], balance["reserved"], balance["debt"]


async def let_holds_end(loyalty: ServiceUnderTest) -> None:
    await loyalty.rows("update redemption set hold_ends_at = hold_ends_at - $1::interval", timedelta(days=1))


async def test_points_are_held_and_then_spent(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 6)
    assert (held.status_code, held.json()["state"]) == (201, "reserved")
    assert await buckets(loyalty, path) == (4, 6, 0)
    for _ in range(2):
        captured = await act(loyalty, held, "capture")
        assert (captured.status_code, captured.json()["state"]) == (200, "captured")
    refused = await act(loyalty, held, "release")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_captured")
    assert await buckets(loyalty, path) == (4, 0, 0)
    assert await is_sound(loyalty)
    assert [event.type for event in await loyalty.published()] == [
        "loyalty.points_reserved.v1",
        "loyalty.points_redeemed.v1",
    ]


async def test_released_points_go_back_to_their_own_lots(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "3.00", "5.00")
    held = await redeem(loyalty, path, 7)
    lots = "select original, remaining from lot order by original"
    assert [lot["remaining"] for lot in await loyalty.rows(lots)] == [0, 1]
    for _ in range(2):
        assert (await act(loyalty, held, "release")).json()["state"] == "released"
    assert [lot["remaining"] for lot in await loyalty.rows(lots)] == [3, 5]
    refused = await act(loyalty, held, "capture")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_released")
    assert await buckets(loyalty, path) == (8, 0, 0)
    assert await is_sound(loyalty)


async def test_of_parallel_redemptions_as_many_succeed_as_there_are_points_for(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "49.00")
    answers = await asyncio.gather(
        *(redeem(loyalty, path, 10, "capture" if number % 2 else "reserve") for number in range(12))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 4, 409: 8}
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["available"]) == ("not_enough_points", 9)
    available, reserved, _ = await buckets(loyalty, path)
    held = sum(1 for answer in answers if answer.status_code == 201 and answer.json()["state"] == "reserved")
    assert (available, reserved) == (9, 10 * held)
    assert await is_sound(loyalty)


async def test_of_parallel_captures_and_releases_one_wins(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 10)
    answers = await asyncio.gather(*(act(loyalty, held, verb) for verb in ("capture", "release") * 5))
    states = {answer.json()["state"] for answer in answers if answer.status_code == 200}
    assert len(states) == 1
    assert await buckets(loyalty, path) == ((0, 0, 0) if states == {"captured"} else (10, 0, 0))
    assert await is_sound(loyalty)


async def test_a_hold_that_is_over_is_over_whoever_looks_first(loyalty: ServiceUnderTest) -> None:
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


async def test_a_refund_never_takes_held_points_and_a_release_pays_the_debt(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(bought("10.00", customer, purchase_id=purchase))
    membership = await membership_of(loyalty, customer)
    assert membership is not None
    path = f"/v1/memberships/{membership['id']}"
    held = await redeem(loyalty, path, 8)
    await loyalty.deliver(refunded("10.00", purchase, customer))
    assert await buckets(loyalty, path) == (0, 8, 8)
    await act(loyalty, held, "release")
    assert await buckets(loyalty, path) == (0, 0, 0)
    assert await is_sound(loyalty)


async def test_points_go_once_for_one_key_and_a_key_is_needed(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 4, "mode": "capture"}
    first = await loyalty.post(f"{path}/redemptions", body, idempotency_key="k")
    again = await loyalty.post(f"{path}/redemptions", body, idempotency_key="k")
    assert (first.status_code, again.json()) == (201, first.json())
    assert await buckets(loyalty, path) == (6, 0, 0)
    answer = await loyalty.post(f"{path}/redemptions", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


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
async def test_a_redemption_that_makes_no_sense_is_refused(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 1, "mode": "reserve"} | fields
    answer = await loyalty.post(f"{path}/redemptions", body, idempotency_key=str(uuid7()))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_nobodys_points_are_a_404(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    _, path = await a_member(loyalty, "10.00")
    held = await redeem(loyalty, path, 1)
    assert (await redeem(other, path, 1)).status_code == 404
    assert (await act(other, held, "capture")).status_code == 404
    assert (await act(other, held, "release")).status_code == 404
    assert (await redeem(loyalty, f"/v1/memberships/{uuid7()}", 1)).status_code == 404
