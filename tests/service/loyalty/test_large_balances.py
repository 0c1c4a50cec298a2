"""Large balances: whatever purchases earn, a wallet holds it exactly, and no event becomes a dead letter."""

from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from chassis.types.limits import MAX_COUNT
from tests.support.facts import a_rule, purchase_recorded
from tests.support.loyalty import a_running_program, membership_path, points_of, refunded
from tests.support.service import ServiceUnderTest

RULES = 20
BEYOND_64_BITS = 20 * 1_000 * MAX_COUNT
EARN = """
    with moved as (
        insert into points_entry (membership_id, kind, from_bucket, to_bucket, points, source_type, source_id,
                                  occurred_at, recorded_at)
        select $1, 'earn', 'issued', 'available', $3, 'purchase', gen_random_uuid()::text, now(), now()
        from generate_series(1, $2::int) returning id
    ), lots as (
        insert into lot (membership_id, source_id, original, pending, remaining, expired, activates_at)
        select $1, gen_random_uuid(), $3, 0, $3, 0, now() - interval '1 day' from moved returning id
    )
    update wallet set available = available + (select count(*) from lots) * $3::numeric where id = $1
"""
"""Earn points in few lots, each of the points of a thousand purchases, to keep the test fast."""


async def a_generous_member(loyalty: ServiceUnderTest) -> tuple[UUID, str, UUID]:
    """Return a customer, the membership's path and its id. Each rule grants the most points for a cent."""
    await a_running_program(loyalty, *[a_rule(MAX_COUNT, "0.01")] * RULES)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("1.00", customer))
    path = await membership_path(loyalty, customer)
    return customer, path, UUID(path.rpartition("/")[2])


async def balance_of(loyalty: ServiceUnderTest, path: str) -> dict[str, Any]:
    response = await loyalty.get(f"{path}/balance")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_points_beyond_64_bits_are_earned_spent_and_reversed(loyalty: ServiceUnderTest) -> None:
    customer, path, membership = await a_generous_member(loyalty)
    await loyalty.rows(EARN, membership, 20, 1_000 * MAX_COUNT)
    await loyalty.published()
    purchase = uuid7()
    await loyalty.deliver(
        purchase_recorded("999999999999.99", customer, purchase_id=purchase), purchase_recorded("0.01", customer)
    )
    assert await loyalty.dead_letters() == []
    earned = [event.data for event in await loyalty.published() if event.type == "loyalty.points_earned.v1"]
    held = BEYOND_64_BITS + 3 * RULES * MAX_COUNT
    assert [event["available"] for event in earned] == [
        BEYOND_64_BITS + number * MAX_COUNT for number in range(RULES + 1, 3 * RULES + 1)
    ]
    assert (await balance_of(loyalty, path))["available"] == held

    spent = await loyalty.post(f"{path}/redemptions", {"points": MAX_COUNT, "mode": "capture"}, idempotency_key="k")
    assert spent.status_code == 201, spent.text
    await loyalty.deliver(refunded("999999999999.99", purchase, customer))
    assert await loyalty.dead_letters() == []
    left = held - (1 + RULES) * MAX_COUNT
    assert (await balance_of(loyalty, path))["available"] == left
    assert await points_of(loyalty, customer) == left
    ledger = (await loyalty.get("/v1/ledger/verify")).json()
    assert (ledger["issued"], ledger["differences"]) == (held, [])


async def test_a_difference_beyond_64_bits_is_reported(loyalty: ServiceUnderTest) -> None:
    await a_generous_member(loyalty)
    await loyalty.rows("update wallet set available = available + $1", BEYOND_64_BITS)
    differences = (await loyalty.get("/v1/ledger/verify")).json()["differences"]
    earned = RULES * MAX_COUNT
    assert [(row["stands"], row["recomputed"]) for row in differences] == [(earned + BEYOND_64_BITS, earned)] * 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/memberships/{id}/adjustments", {"points": MAX_COUNT + 1, "reason": "x"}),
        ("/v1/memberships/{id}/adjustments", {"points": -MAX_COUNT - 1, "reason": "x", "allow_debt": True}),
        ("/v1/memberships/{id}/redemptions", {"points": MAX_COUNT + 1, "mode": "capture"}),
        ("/v1/programs/{program}/earning-rules", a_rule(MAX_COUNT + 1)),
    ],
)
async def test_one_limit_for_the_points_of_every_request(
    loyalty: ServiceUnderTest, path: str, body: dict[str, Any]
) -> None:
    _, _, membership = await a_generous_member(loyalty)
    program = (await loyalty.get("/v1/programs")).json()["items"][0]["id"]
    path = path.format(id=membership, program=program)
    most = body | {"points": MAX_COUNT if body["points"] > 0 else -MAX_COUNT}
    assert (await loyalty.post(path, most, idempotency_key="most")).status_code == 201
    refused = await loyalty.post(path, body, idempotency_key="more")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/points")


async def test_debts_beyond_a_bigint_are_kept(loyalty: ServiceUnderTest) -> None:
    _, path, membership = await a_generous_member(loyalty)
    await loyalty.rows("update wallet set debt = 0, available = 0 where id = $1", membership)
    body = {"points": -MAX_COUNT, "reason": "audit", "allow_debt": True}
    await loyalty.rows("update wallet set debt = $2 where id = $1", membership, 2**64)
    adjusted = await loyalty.post(f"{path}/adjustments", body, idempotency_key="k")
    assert adjusted.status_code == 201, adjusted.text
    assert (await balance_of(loyalty, path))["debt"] == 2**64 + MAX_COUNT
