"""Adjustments: staff add and deduct points, and the reason is stored."""

from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.loyalty import a_member, buckets, is_sound, overlapping
from tests.support.service import ServiceUnderTest


async def adjust(loyalty: ServiceUnderTest, path: str, points: int, **fields: Any) -> httpx.Response:
    body = {"points": points, "reason": "a late parcel", **fields}
    return await loyalty.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))


async def test_points_are_given_and_taken(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "10.00")
    response = await adjust(loyalty, path, 25)
    assert response.status_code == 201
    assert response.json() | {"points": 25, "reason": "a late parcel", "actor": "key:test"} == response.json()
    assert (await adjust(loyalty, path, -30)).status_code == 201
    assert await buckets(loyalty, path) == (5, 0, 0)
    adjustments = (await loyalty.get(f"{path}/adjustments")).json()["items"]
    assert [adjustment["points"] for adjustment in adjustments] == [-30, 25]
    events = [(event.subject, event.data["points"], event.data["available"]) for event in await loyalty.published()]
    assert events == [(str(customer), 25, 35), (str(customer), -30, 5)]
    assert await is_sound(loyalty)


async def test_an_overdraft_is_rejected_unless_debt_is_allowed(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    rejected = await adjust(loyalty, path, -11)
    assert (rejected.status_code, rejected.json()["code"], rejected.json()["available"]) == (
        409,
        "insufficient_points",
        10,
    )
    assert (await adjust(loyalty, path, -11, allow_debt=True)).status_code == 201
    assert await buckets(loyalty, path) == (0, 0, 1)
    await adjust(loyalty, path, 3)
    assert await buckets(loyalty, path) == (2, 0, 0)
    assert await is_sound(loyalty)


async def test_parallel_adjustments_never_overdraw(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    responses = await overlapping(loyalty, path, (adjust(loyalty, path, -3) for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [201] * 3 + [409] * 5
    assert await buckets(loyalty, path) == (1, 0, 0)
    assert await is_sound(loyalty)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"points": 0}, "/points"),
        ({"points": 10**15 + 1}, "/points"),
        ({"points": "5"}, "/points"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"allow_debt": "yes"}, "/allow_debt"),
    ],
)
async def test_an_invalid_adjustment_is_rejected(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 1, "reason": "sorry"} | fields
    response = await loyalty.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_an_adjustment_requires_a_key_its_own_scope_and_a_member_of_the_tenant(
    running_loyalty: ServiceUnderTest,
) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 5, "reason": "sorry"}
    assert (await loyalty.post(f"{path}/adjustments", body)).json()["code"] == "idempotency_key_required"
    assert (await adjust(loyalty.with_scopes("loyalty:write", "loyalty:redeem"), path, 5)).status_code == 403
    assert (await adjust(other, path, 5)).status_code == 404
    assert (await other.get(f"{path}/adjustments")).status_code == 404
    assert await buckets(loyalty, path) == (10, 0, 0)
