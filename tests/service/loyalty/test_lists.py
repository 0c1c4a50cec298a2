"""Lists: memberships with their points now, redemptions, and the entries of the ledger."""

from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_member, a_running_program, act, membership_path, on, redeem
from tests.support.service import ServiceUnderTest

IN_TIME = {"pending_days": 14, "expiry_policy": "rolling_months", "expiry_months": 1}


async def listed(loyalty: ServiceUnderTest, path: str, **params: Any) -> list[dict[str, Any]]:
    response = await loyalty.get(path, **params)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


@pytest.mark.parametrize(
    ("day", "balance"), [("2026-03-02", (10, 4, 2)), ("2026-03-15", (0, 14, 2)), ("2026-04-15", (0, 0, 0))]
)
async def test_a_membership_has_its_points_of_the_moment(
    loyalty: ServiceUnderTest, day: str, balance: tuple[int, int, int]
) -> None:
    """No operation has settled them, and each reading is that of the balance operation."""
    await a_running_program(loyalty, **IN_TIME)
    customer, early = uuid7(), await on(loyalty, "2026-03-01")
    await early.deliver(purchase_recorded("10.00", customer, at="2026-03-01T12:00:00Z"))
    path = await membership_path(early, customer)
    gift = {"points": 6, "reason": "sorry"}
    assert (await early.post(f"{path}/adjustments", gift, idempotency_key="gift")).status_code == 201
    await redeem(early, path, 2, expires_in_seconds=30 * 86_400)
    today = await on(loyalty, day)
    (item,) = await listed(today, "/v1/memberships", customer_id=str(customer))
    read = await today.get(path)
    assert item["balance"] == read.json()["balance"]
    assert tuple(item["balance"][bucket] for bucket in ("pending", "available", "reserved", "debt")) == (*balance, 0)
    assert item["balance"].items() <= (await today.get(f"{path}/balance")).json().items()
    assert "etag" not in read.headers, "points change without a new version of the membership"


async def test_joining_returns_the_points_of_a_new_and_of_an_existing_membership(loyalty: ServiceUnderTest) -> None:
    program = await a_running_program(loyalty)
    customer = str(uuid7())
    body = {"program_id": program, "customer_id": customer}
    new = await loyalty.post("/v1/memberships", body)
    await loyalty.deliver(purchase_recorded("7.00", customer, at="2099-01-01T00:00:00Z"))
    existing = await loyalty.post("/v1/memberships", body)
    assert (new.status_code, new.json()["balance"]["available"]) == (201, 0)
    assert (existing.status_code, existing.json()["balance"]["available"]) == (200, 7)


async def test_memberships_are_sorted_by_the_time_of_joining(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    people = [str(uuid7()) for _ in range(3)]
    for person, day in zip(people, ("02", "03", "01"), strict=True):
        await loyalty.deliver(purchase_recorded("1.00", person, at=f"2026-03-{day}T10:00:00Z"))
    oldest_first = [people[2], people[0], people[1]]
    first = (await loyalty.get("/v1/memberships", limit=2)).json()
    rest = await listed(loyalty, "/v1/memberships", limit=2, cursor=first["next_cursor"])
    assert [item["customer_id"] for item in [*first["items"], *rest]] == oldest_first
    newest = await listed(loyalty, "/v1/memberships", sort="-joined_at")
    assert [item["customer_id"] for item in newest] == oldest_first[::-1]


async def test_redemptions_are_listed_newest_first_and_by_member_state_and_time(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, other = uuid7(), uuid7()
    early = await on(loyalty, "2026-03-01")
    await early.deliver(purchase_recorded("10.00", customer), purchase_recorded("10.00", other))
    path = await membership_path(early, customer)
    captured, ended = await redeem(early, path, 1, "capture"), await redeem(early, path, 2)
    later = await on(loyalty, "2026-03-02")
    released, held = [await redeem(later, path, points) for points in (3, 4)]
    await act(later, released, "release")
    theirs = await redeem(later, await membership_path(later, other), 5)
    await loyalty.rows("update redemption set state = 'reserved' where points = 2")  # not settled yet

    async def points(**params: Any) -> list[int]:
        return [item["points"] for item in await listed(later, "/v1/redemptions", **params)]

    membership = captured.json()["membership_id"]
    assert await points() == [5, 4, 3, 2, 1]
    assert await points(membership_id=membership) == await points(customer_id=str(customer)) == [4, 3, 2, 1]
    assert await points(customer_id=str(other)) == [theirs.json()["points"]]
    assert await points(state="expired") == [ended.json()["points"]]
    assert await points(state=["reserved", "captured"], membership_id=membership) == [held.json()["points"], 1]
    assert await points(**{"created_at.gte": "2026-03-02T12:00:00Z"}) == [5, 4, 3]
    assert await points(**{"created_at.lt": "2026-03-02T12:00:00Z", "state": "captured"}) == [1]
    assert [item["state"] for item in await listed(later, "/v1/redemptions", membership_id=membership)] == [
        "reserved",
        "released",
        "expired",
        "captured",
    ]
    assert await listed(await loyalty.for_new_tenant(), "/v1/redemptions") == []


async def test_entries_are_found_by_kind_and_by_time(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer = uuid7()
    await (await on(loyalty, "2026-03-05")).deliver(purchase_recorded("10.00", customer, at="2026-03-01T10:00:00Z"))
    path = await membership_path(loyalty, customer)
    later = await on(loyalty, "2026-03-06")
    await act(later, await redeem(later, path, 4), "capture")

    async def kinds(**params: Any) -> list[str]:
        return [item["kind"] for item in await listed(later, f"{path}/entries", **params)]

    assert await kinds() == ["capture", "reserve", "earn"]
    assert await kinds(kind="earn") == ["earn"]
    assert await kinds(kind=["earn", "capture"]) == ["capture", "earn"]
    assert await kinds(**{"occurred_at.lt": "2026-03-02T00:00:00Z"}) == ["earn"]
    assert await kinds(**{"recorded_at.lt": "2026-03-02T00:00:00Z"}) == []
    assert await kinds(**{"recorded_at.gte": "2026-03-06T00:00:00Z"}) == ["capture", "reserve"]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/redemptions", {"state": "spent"}),
        ("/v1/memberships", {"sort": "balance"}),
        ("/v1/memberships", {"state": "gone"}),
    ],
)
async def test_an_unknown_filter_value_is_rejected(
    loyalty: ServiceUnderTest, path: str, params: dict[str, str]
) -> None:
    assert (await loyalty.get(path, **params)).status_code == 422


async def test_an_unknown_kind_of_entry_is_rejected(loyalty: ServiceUnderTest) -> None:
    _, path = await a_member(loyalty, "10.00")
    assert (await loyalty.get(f"{path}/entries", kind="gift")).status_code == 422
