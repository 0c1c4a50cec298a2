"""Adjustments: staff give points and take them, with a reason that stands for ever."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.ids import uuid7
from tests.service.loyalty.test_redemptions import a_member, buckets
from tests.service.loyalty.test_reversals import is_sound
from tests.support.service import ServiceUnderTest


async def adjust(loyalty: ServiceUnderTest, path: str, points: int, **fields: Any) -> httpx.Response:
    body = {"points": points, "reason": "a late parcel", **fields}
    return await loyalty.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))


async def test_points_are_given_and_taken(loyalty: ServiceUnderTest) -> None:
    customer, path = await a_member(loyalty, "10.00")
    given = await adjust(loyalty, path, 25)
    assert given.status_code == 201
    assert given.json() | {"points": 25, "reason": "a late parcel", "actor": "key:test"} == given.json()
    assert (await adjust(loyalty, path, -30)).status_code == 201
    assert await buckets(loyalty, path) == (5, 0, 0)
    listed = (await loyalty.get(f"{path}/adjustments")).json()["items"]
    assert [one["points"] for one in listed] == [-30, 25]
    told = [(event.subject, event.data["points"], event.data["available"]) for event in await loyalty.published()]
    assert told == [(str(customer), 25, 35), (str(customer), -30, 5)]
    assert await is_sound(loyalty)


async def test_more_than_is_there_is_refused_or_owed(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    refused = await adjust(loyalty, path, -11)
    assert (refused.status_code, refused.json()["code"], refused.json()["available"]) == (409, "not_enough_points", 10)
    assert (await adjust(loyalty, path, -11, allow_debt=True)).status_code == 201
    assert await buckets(loyalty, path) == (0, 0, 1)
    await adjust(loyalty, path, 3)
    assert await buckets(loyalty, path) == (2, 0, 0)
    assert await is_sound(loyalty)


async def test_of_parallel_adjustments_none_overdraws(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    answers = await asyncio.gather(*(adjust(loyalty, path, -3) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert await buckets(loyalty, path) == (1, 0, 0)
    assert await is_sound(loyalty)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"points": 0}, "/points"),
        ({"points": 10**13}, "/points"),
        ({"points": "5"}, "/points"),
        ({"reason": ""}, "/reason"),
        ({"reason": "a\nb"}, "/reason"),
        ({"allow_debt": "yes"}, "/allow_debt"),
    ],
)
async def test_an_adjustment_that_makes_no_sense_is_refused(
    loyalty: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 1, "reason": "sorry"} | fields
    answer = await loyalty.post(f"{path}/adjustments", body, idempotency_key=str(uuid7()))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_it_wants_a_key_and_its_own_scope_and_the_tenants_own_member(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    _, path = await a_member(loyalty, "10.00")
    body = {"points": 5, "reason": "sorry"}
    assert (await loyalty.post(f"{path}/adjustments", body)).json()["code"] == "idempotency_key_required"
    assert (await adjust(loyalty.with_scopes("loyalty:write", "loyalty:redeem"), path, 5)).status_code == 403
    assert (await adjust(other, path, 5)).status_code == 404
    assert (await other.get(f"{path}/adjustments")).status_code == 404
    assert await buckets(loyalty, path) == (10, 0, 0)
