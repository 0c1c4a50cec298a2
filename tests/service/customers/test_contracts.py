"""Contracts: reminders before a notice and an end, renewals, and ends, each once."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.types.ids import uuid7
from services.customers.sales.rules.contracts import renewed_until
from tests.support.facts import a_customer
from tests.support.sales import a_deal, a_pipeline, created
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REASON = {"reason": "moved"}


@pytest.fixture
async def shop(customers: ServiceUnderTest) -> ServiceUnderTest:
    """Provide the service to a sandbox whose clock shows NOW."""
    return await customers.for_new_tenant(kind="sandbox", clock_at=NOW)


def at(shop: ServiceUnderTest, month: int, day: int, year: int = 2026) -> ServiceUnderTest:
    """Return the service on another day of the sandbox."""
    return shop.for_tenant(shop.tenant.model_copy(update={"clock_at": datetime(year, month, day, 12, tzinfo=UTC)}))


async def a_contract(shop: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    customer = await created(shop, "/v1/customers", a_customer())
    term = {"name": "Service", "starts_on": "2026-01-01", "ends_on": "2026-06-30", "notice_days": 30}
    contract = await created(shop, "/v1/contracts", {"customer_id": customer["id"], **term, **fields})
    await shop.published()
    return contract


async def due(shop: ServiceUnderTest) -> list[str]:
    """Run the tasks of two workers at once, and return the published facts."""
    await asyncio.gather(shop.run_periodic_tasks(), shop.run_periodic_tasks())
    return [event.type.split(".")[1] for event in await shop.published()]


async def test_the_days_of_a_contract_are_announced_once_each(shop: ServiceUnderTest) -> None:
    contract = await a_contract(shop)
    assert contract["last_notice_on"] == "2026-05-31"
    assert await due(shop) == []
    assert await due(at(shop, 5, 20)) == ["contract_notice_approaching"]
    assert await due(at(shop, 5, 21)) == []
    assert await due(at(shop, 6, 20)) == ["contract_ending"]
    assert await due(at(shop, 6, 30)) == []


async def test_another_day_is_announced_again(shop: ServiceUnderTest) -> None:
    contract = await a_contract(shop)
    may = at(shop, 5, 20)
    assert await due(may) == ["contract_notice_approaching"]
    changed = (await may.patch(f"/v1/contracts/{contract['id']}", {"notice_days": 40}, if_match='"1"')).json()
    assert changed["last_notice_on"] == "2026-05-21"
    assert await due(may) == ["contract_updated", "contract_notice_approaching"]


async def test_a_contract_renews_itself_also_after_several_terms(shop: ServiceUnderTest) -> None:
    contract = await a_contract(shop, renewal="automatic", renewal_months=6)
    july = at(shop, 7, 1)
    assert await due(july) == ["contract_renewed"]
    renewed = (await july.get(f"/v1/contracts/{contract['id']}")).json()
    assert (renewed["ends_on"], renewed["last_notice_on"], renewed["state"]) == ("2026-12-31", "2026-12-01", "active")
    late = at(shop, 3, 1, year=2028)
    assert await due(late) == ["contract_renewed"]
    assert (await late.get(f"/v1/contracts/{contract['id']}")).json()["ends_on"] == "2028-06-30"


@pytest.mark.parametrize("renewal", ["none", "manual"])
async def test_a_contract_that_is_not_renewed_ends(shop: ServiceUnderTest, renewal: str) -> None:
    contract = await a_contract(shop, renewal=renewal)
    july = at(shop, 7, 1)
    assert await due(july) == ["contract_ended"]
    ended = (await july.get(f"/v1/contracts/{contract['id']}")).json()
    assert (ended["state"], ended["ended_on"], ended["end_reason"]) == ("ended", "2026-06-30", "expired")
    for method, path, body in (("PATCH", "", {"notice_days": 1}), ("POST", "/renew", {}), ("POST", "/end", REASON)):
        refusal = await july.request(method, f"/v1/contracts/{contract['id']}{path}", json=body)
        assert (refusal.status_code, refusal.json()["code"]) == (409, "contract_over")


async def test_a_contract_is_renewed_by_hand(shop: ServiceUnderTest) -> None:
    contract = await a_contract(shop, renewal="manual", renewal_months=12)
    path = f"/v1/contracts/{contract['id']}/renew"
    assert (await shop.post(path, {}, if_match='"1"')).json()["ends_on"] == "2027-06-30"
    assert (await shop.post(path, {"ends_on": "2027-06-30"})).json()["errors"][0]["code"] == "not_after"
    (event,) = await shop.published()
    assert (event.data["previous_ends_on"], event.data["automatic"]) == ("2026-06-30", False)


async def test_of_parallel_ends_one_ends_the_contract(shop: ServiceUnderTest) -> None:
    contract = await a_contract(shop)
    path = f"/v1/contracts/{contract['id']}/end"
    responses = await asyncio.gather(*(shop.post(path, REASON | {"note": "Further south."}) for _ in range(4)))
    assert Counter(response.status_code for response in responses) == {200: 1, 409: 3}
    (event,) = await shop.published()
    assert (event.data["reason"], event.data["ended_on"]) == ("moved", "2026-03-01")
    assert "south" not in str(event.data)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"ends_on": "2025-12-31"}, "/ends_on"),
        ({"renewal": "automatic"}, "/renewal_months"),
        ({"product_ids": [str(uuid7())]}, "/product_ids/0"),
        ({"deal_id": str(uuid7())}, "/deal_id"),
        ({"amount": "1.001"}, "/amount"),
    ],
)
async def test_a_wrong_field_is_named(shop: ServiceUnderTest, fields: dict[str, Any], pointer: str) -> None:
    contract = await a_contract(shop)
    term = {"name": "x", "starts_on": "2026-01-01", "ends_on": "2026-06-30", "customer_id": contract["customer_id"]}
    refusal = await shop.post("/v1/contracts", term | fields)
    assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_contract_belongs_to_a_deal_of_its_customer(shop: ServiceUnderTest) -> None:
    deal = await a_deal(shop, await a_pipeline(shop))
    contract = await a_contract(shop, customer_id=deal["customer_id"], deal_id=deal["id"], amount="10.00")
    (listed,) = (await shop.get("/v1/contracts", deal_id=deal["id"], **{"ends_on.lte": "2026-06-30"})).json()["items"]
    assert listed == contract
    refusal = await shop.patch(f"/v1/contracts/{contract['id']}", {"ends_on": "2025-01-01"})
    assert refusal.json()["errors"][0]["code"] == "not_after"


@pytest.mark.parametrize(
    ("ends_on", "months", "today", "until"),
    [
        ((2026, 1, 31), 1, (2026, 2, 1), (2026, 2, 28)),
        ((2026, 2, 28), 1, (2026, 3, 1), (2026, 3, 31)),
        ((2026, 6, 30), 6, (2026, 7, 1), (2026, 12, 31)),
        ((2026, 6, 29), 6, (2026, 7, 1), (2026, 12, 29)),
        ((2026, 6, 15), 1, (2027, 1, 1), (2027, 1, 15)),
    ],
)
def test_a_term_that_ends_with_a_month_is_followed_by_another(
    ends_on: tuple[int, int, int], months: int, today: tuple[int, int, int], until: tuple[int, int, int]
) -> None:
    assert renewed_until(date(*ends_on), months, date(*today)) == date(*until)
