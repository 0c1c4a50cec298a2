"""The sandbox clock: the tenants that may move it, its direction, and concurrent and repeated requests."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis import UnitOfWork
from chassis.messaging.retention import deletion_tasks
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest

START = "2026-01-31T10:00:00Z"


@pytest.fixture
async def sandbox(gateway: ServiceUnderTest) -> Shop:
    """Provide a sandbox whose clock is frozen."""
    return await a_shop(gateway, facts={"kind": "sandbox", "clock_at": START})


async def move(shop: Shop, headers: dict[str, str] | None = None, **change: Any) -> dict[str, Any]:
    response = await shop.request("POST", "/v1/sandbox/clock", json=change, headers=headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def now_of(shop: Shop) -> datetime:
    return datetime.fromisoformat((await shop.get("/v1/sandbox/clock")).json()["now"])


async def test_a_live_tenant_has_no_clock_to_move(shop: Shop) -> None:
    for response in (
        await shop.get("/v1/sandbox/clock"),
        await shop.request("POST", "/v1/sandbox/clock", json={"advance": "P1D"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "tenant_is_live")
    assert await shop.rows("select * from tenant where clock_at is not null") == []


async def test_a_clock_moves_in_the_calendar_of_its_tenant_and_stays_frozen(sandbox: Shop) -> None:
    moved = await move(sandbox, advance="P1M")
    assert (moved["now"], moved["frozen"], moved["settled"]) == ("2026-02-28T10:00:00Z", True, False)
    assert set(moved["services"].values()) == {False}
    assert await now_of(sandbox) == datetime(2026, 2, 28, 10, tzinfo=UTC)
    (event,) = (await sandbox.published("gateway.tenant_changed.v1"))[1:]
    assert (event["clock_at"], event["clock_runs_since"]) == ("2026-02-28T10:00:00Z", None)


async def test_a_clock_never_goes_back(sandbox: Shop) -> None:
    await move(sandbox, frozen_at="2026-03-01T10:00:00Z")
    back = await sandbox.request("POST", "/v1/sandbox/clock", json={"frozen_at": "2026-03-01T09:59:59Z"})
    assert (back.status_code, back.json()["code"]) == (409, "clock_past_this_time")
    assert await now_of(sandbox) == datetime(2026, 3, 1, 10, tzinfo=UTC)
    await move(sandbox, frozen_at="2026-03-01T10:00:00Z")  # a repeat changes nothing


async def test_a_clock_runs_on_from_where_it_was(sandbox: Shop) -> None:
    assert (await move(sandbox, frozen=False))["frozen"] is False
    first, second = await now_of(sandbox), await now_of(sandbox)
    assert datetime.fromisoformat(START) < first < second < datetime.fromisoformat(START) + timedelta(minutes=5)
    ahead = datetime.fromisoformat((await move(sandbox, advance="PT12H"))["now"])
    assert timedelta(hours=12) < ahead - datetime.fromisoformat(START) < timedelta(hours=12, minutes=5)
    frozen = datetime.fromisoformat((await move(sandbox, frozen=True))["now"])
    assert frozen >= ahead
    assert await now_of(sandbox) == await now_of(sandbox) == frozen


async def test_a_sandbox_that_has_set_no_clock_follows_the_real_time(gateway: ServiceUnderTest) -> None:
    sandbox = await a_shop(gateway, facts={"kind": "sandbox"})
    assert abs(await now_of(sandbox) - datetime.now(UTC)) < timedelta(minutes=1)
    assert abs(datetime.fromisoformat((await move(sandbox, frozen=True))["now"]) - datetime.now(UTC)) < timedelta(
        minutes=1
    )


async def test_concurrent_advances_all_count_and_a_repeated_one_counts_once(sandbox: Shop) -> None:
    await asyncio.gather(*(move(sandbox, advance="P1D") for _ in range(5)))
    assert await now_of(sandbox) == datetime(2026, 2, 5, 10, tzinfo=UTC)
    answers = [await move(sandbox, {"idempotency-key": "week"}, advance="P7D") for _ in range(3)]
    assert {answer["now"] for answer in answers} == {"2026-02-12T10:00:00Z"}
    assert await now_of(sandbox) == datetime(2026, 2, 12, 10, tzinfo=UTC)


async def test_the_clock_of_another_tenant_does_not_move(gateway: ServiceUnderTest, sandbox: Shop) -> None:
    other = await a_shop(gateway, facts={"kind": "sandbox", "clock_at": START})
    await move(sandbox, advance="P1Y")
    assert await now_of(other) == datetime.fromisoformat(START)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "not_one_change"),
        ({"advance": "P1D", "frozen": True}, "not_one_change"),
        ({"advance": "P0D"}, "wrong_format"),
        ({"advance": "-P1D"}, "wrong_format"),
        ({"advance": "P9999Y"}, "too_large"),
        ({"frozen_at": "2100-01-02T00:00:00Z"}, "too_large"),
        ({"frozen_at": "2026-03-01"}, "not_a_time"),
        ({"advance_seconds": 60}, "unknown_field"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(sandbox: Shop, body: dict[str, Any], code: str) -> None:
    refused = await sandbox.request("POST", "/v1/sandbox/clock", json=body)
    assert refused.status_code == 422, refused.text
    assert [error["code"] for error in refused.json()["errors"]] == [code]
    assert await now_of(sandbox) == datetime.fromisoformat(START)


async def test_keys_of_a_sandbox_expire_in_real_time(sandbox: Shop) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    child = await sandbox.create("tenants:read", expires_at=tomorrow)
    await move(sandbox, advance="P20Y")
    assert await child.status() == 200
    await sandbox.create("tenants:read", expires_at=tomorrow)  # expires later, although the sandbox is in 2046


async def test_a_clock_that_is_a_year_ahead_deletes_no_event_of_the_feed(
    gateway: ServiceUnderTest, sandbox: Shop
) -> None:
    ahead = sandbox.tenant.model_copy(update={"clock_at": datetime(2030, 1, 1, tzinfo=UTC)})
    tenant = gateway.for_tenant(ahead)
    await tenant.announce()
    settings = gateway.shared.running.settings.model_copy(update={"event_feed_days": 30})
    for task in deletion_tasks(gateway.service.retentions, settings):
        async with tenant.transaction_of_worker() as transaction:
            assert await task.run(UnitOfWork(transaction)) is False
    assert len((await sandbox.get("/v1/events")).json()["items"]) == 1
