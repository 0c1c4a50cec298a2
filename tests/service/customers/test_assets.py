"""Assets: what a customer owns, and the events of its dates, each published once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.types.ids import uuid7
from services.customers.sales.rules.catalogue import add_months
from tests.support.facts import a_customer, a_product
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def shop(customers: ServiceUnderTest) -> ServiceUnderTest:
    """Provide the service to a sandbox whose clock shows NOW."""
    return await customers.for_new_tenant(kind="sandbox", clock_at=NOW)


async def moved_to(shop: ServiceUnderTest, at: datetime) -> ServiceUnderTest:
    """Return the service after the sandbox has moved its clock."""
    other = shop.for_tenant(shop.tenant.model_copy(update={"clock_at": at}))
    await other.announce()
    return other


async def an_asset(shop: ServiceUnderTest, *, product: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    sold = (await shop.post("/v1/products", a_product(**(product or {})))).json()
    owner = (await shop.post("/v1/customers", a_customer())).json()
    response = await shop.post("/v1/assets", {"customer_id": owner["id"], "product_id": sold["id"], **fields})
    assert response.status_code == 201, response.text
    await shop.published()
    return dict(response.json())


async def reminders(shop: ServiceUnderTest) -> list[tuple[str, str]]:
    """Run the tasks of two workers at once, and return the type and asset of each published event."""
    await asyncio.gather(shop.run_periodic_tasks(), shop.run_periodic_tasks())
    return [(event.type, event.data["asset_id"]) for event in await shop.published()]


async def test_the_dates_of_an_asset_follow_from_its_product(shop: ServiceUnderTest) -> None:
    terms = {"warranty_months": 24, "maintenance_interval_months": 6}
    asset = await an_asset(shop, product=terms, acquired_at="2026-02-28T23:30:00Z")
    assert (asset["warranty_until"], asset["next_maintenance_on"]) == ("2028-03-01", "2026-09-01")  # Amsterdam's day
    given = await an_asset(shop, product=terms, warranty_until="2027-01-01")
    assert given["warranty_until"] == "2027-01-01"


async def test_a_serial_number_names_one_asset_of_a_product(shop: ServiceUnderTest) -> None:
    asset = await an_asset(shop)
    body = {"customer_id": asset["customer_id"], "product_id": asset["product_id"], "serial_number": "1"}
    responses = await asyncio.gather(*(shop.post("/v1/assets", body) for _ in range(5)))
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 4}
    taken = await shop.patch(f"/v1/assets/{asset['id']}", {"serial_number": "1"})
    assert (taken.status_code, taken.json()["code"]) == (409, "serial_number_taken")
    assert (await an_asset(shop, serial_number="1"))["serial_number"] == "1"  # of another product


async def test_an_asset_needs_a_customer_and_an_active_product(shop: ServiceUnderTest) -> None:
    asset = await an_asset(shop)
    for field in ("customer_id", "product_id"):
        body = {"customer_id": asset["customer_id"], "product_id": asset["product_id"], field: str(uuid7())}
        response = await shop.post("/v1/assets", body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    await shop.patch(f"/v1/products/{asset['product_id']}", {"state": "retired"})
    body = {"customer_id": asset["customer_id"], "product_id": asset["product_id"]}
    assert (await shop.post("/v1/assets", body)).json()["code"] == "product_retired"


async def test_assets_are_found_by_the_end_of_their_warranty(shop: ServiceUnderTest) -> None:
    soon, late = await an_asset(shop, warranty_until="2026-04-01"), await an_asset(shop, warranty_until="2029-01-01")
    found = (await shop.get("/v1/assets", **{"warranty_until.lte": "2026-12-31"})).json()["items"]
    assert [asset["id"] for asset in found] == [soon["id"]]
    found = (await shop.get("/v1/assets", customer_id=late["customer_id"], product_id=late["product_id"])).json()
    assert [asset["id"] for asset in found["items"]] == [late["id"]]


async def test_a_warranty_is_announced_once_before_it_ends(shop: ServiceUnderTest) -> None:
    asset = await an_asset(shop, warranty_until="2026-05-01")
    await an_asset(shop, warranty_until="2026-02-01")  # ended already
    assert await reminders(shop) == []
    april = await moved_to(shop, datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert await reminders(april) == [("customers.asset_warranty_ending.v1", asset["id"])]
    assert await reminders(april) == []
    await april.patch(f"/v1/assets/{asset['id']}", {"warranty_until": "2026-04-20"})
    assert await reminders(april) == [
        ("customers.asset_updated.v1", asset["id"]),
        ("customers.asset_warranty_ending.v1", asset["id"]),
    ]


async def test_maintenance_is_announced_once_for_each_day_on_which_it_is_due(shop: ServiceUnderTest) -> None:
    asset = await an_asset(shop, maintenance_interval_months=1)
    april = await moved_to(shop, datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert await reminders(april) == [("customers.asset_maintenance_due.v1", asset["id"])]
    assert await reminders(april) == []
    done = (await april.post(f"/v1/assets/{asset['id']}/maintenance", {})).json()
    assert (done["last_maintained_on"], done["next_maintenance_on"]) == ("2026-04-01", "2026-05-01")
    await april.published()
    may = await moved_to(shop, datetime(2026, 5, 2, 12, tzinfo=UTC))
    assert await reminders(may) == [("customers.asset_maintenance_due.v1", asset["id"])]


async def test_what_a_customer_no_longer_uses_is_not_announced(shop: ServiceUnderTest) -> None:
    asset = await an_asset(shop, next_maintenance_on="2026-02-01", warranty_until="2026-03-10")
    await shop.patch(f"/v1/assets/{asset['id']}", {"state": "disposed"})
    await shop.published()
    assert await reminders(shop) == []


async def test_a_customer_reads_only_his_or_her_own_assets(shop: ServiceUnderTest) -> None:
    mine, other = await an_asset(shop), await an_asset(shop)
    owner = shop.for_customer(mine["customer_id"])
    assert (await owner.get("/v1/assets", customer_id=mine["customer_id"])).json()["items"] == [mine]
    assert (await owner.get(f"/v1/assets/{other['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-03-01", 24, "2028-03-01"),
    ],
)
def test_months_end_on_their_last_day(day: str, months: int, then: str) -> None:
    assert str(add_months(datetime.fromisoformat(day).date(), months)) == then
