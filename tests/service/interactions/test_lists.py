"""Lists of purchases, refunds and touch points: filtered, sorted, and page by page, for systems that follow them."""

from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_touch_point
from tests.support.service import ServiceUnderTest

CUSTOMER = str(uuid7())


async def listed(service: ServiceUnderTest, path: str, **parameters: Any) -> list[str]:
    """Return the source ids on all pages of a list."""
    found: list[str] = []
    parameters |= {"limit": 2}
    while True:
        response = await service.get(path, **parameters)
        assert response.status_code == 200, response.text
        found += [item["source_id"] for item in response.json()["items"]]
        if response.json()["next_cursor"] is None:
            return found
        parameters["cursor"] = response.json()["next_cursor"]


async def five_purchases(interactions: ServiceUnderTest) -> list[str]:
    """Record the purchases 1 to 5, the later the earlier. Returns their ids."""
    fields: list[dict[str, Any]] = [
        {"customer_id": CUSTOMER, "store": "Harbour"},
        {"source": "shop", "channel": "web"},
        {"currency": "JPY", "lines": [{"sku": "x", "quantity": "1", "amount": "5"}], "store": "Harbour"},
        {"customer_id": CUSTOMER, "source": "shop", "channel": "web", "store": "Station"},
        {},
    ]
    ids = []
    for number, more in enumerate(fields, 1):
        body = a_purchase(source_id=str(number), purchased_at=f"2026-03-0{6 - number}T10:00:00Z", **more)
        ids.append((await interactions.post("/v1/purchases", body)).json()["id"])
    return ids


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({}, "12345"),
        ({"sort": "purchased_at"}, "54321"),
        ({"sort": "recorded_at"}, "12345"),
        ({"sort": "-recorded_at"}, "54321"),
        ({"customer_id": CUSTOMER}, "14"),
        ({"source": "shop"}, "24"),
        ({"source": "shop", "source_id": "4"}, "4"),
        ({"source": "till", "source_id": "4"}, ""),
        ({"store": "Harbour"}, "13"),
        ({"store": "Harbour", "sort": "recorded_at"}, "13"),
        ({"channel": "web", "customer_id": CUSTOMER}, "4"),
        ({"currency": "JPY"}, "3"),
        ({"purchased_at.gte": "2026-03-03T10:00:00Z", "purchased_at.lt": "2026-03-05T10:00:00Z"}, "23"),
        ({"recorded_at.lt": "2026-01-01T00:00:00Z"}, ""),
        ({"recorded_at.gt": "2026-01-01T00:00:00Z", "source": "till"}, "135"),
    ],
)
async def test_purchases_are_listed_by_their_filters(
    interactions: ServiceUnderTest, parameters: dict[str, str], numbers: str
) -> None:
    await five_purchases(interactions)
    assert await listed(interactions, "/v1/purchases", **parameters) == list(numbers)


async def test_a_listed_purchase_is_the_purchase_that_is_read(interactions: ServiceUnderTest) -> None:
    ids = await five_purchases(interactions)
    items = (await interactions.get("/v1/purchases")).json()["items"]
    assert items == [(await interactions.get(f"/v1/purchases/{id}")).json() for id in ids]


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({}, "123"),
        ({"sort": "recorded_at"}, "321"),
        ({"customer_id": CUSTOMER}, "1"),
        ({"source": "bank", "source_id": "3"}, "3"),
        ({"refunded_at.gt": "2026-03-11T10:00:00Z"}, "12"),
        ({"recorded_at.gte": "2026-01-01T00:00:00Z", "source": "till"}, "12"),
    ],
)
async def test_refunds_are_listed_by_their_filters(
    interactions: ServiceUnderTest, parameters: dict[str, str], numbers: str
) -> None:
    purchases = await five_purchases(interactions)
    for number in (3, 2, 1):
        source = "bank" if number == 3 else "till"
        body = a_refund(
            amount="5", source=source, source_id=str(number), refunded_at=f"2026-03-1{4 - number}T10:00:00Z"
        )
        assert (await interactions.post(f"/v1/purchases/{purchases[number - 1]}/refunds", body)).status_code == 201
    assert await listed(interactions, "/v1/refunds", **parameters) == list(numbers)
    assert await listed(interactions, "/v1/refunds", purchase_id=purchases[1]) == ["2"]


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({}, "1234"),
        ({"sort": "occurred_at"}, "4321"),
        ({"sort": "-recorded_at"}, "4321"),
        ({"customer_id": CUSTOMER}, "12"),
        ({"channel": ["phone", "chat"]}, "134"),
        ({"channel": "email"}, "2"),
        ({"direction": "outbound"}, "4"),
        ({"agent_id": "a-1", "sort": "recorded_at"}, "13"),
        ({"source": "phone", "source_id": "4"}, "4"),
        ({"occurred_at.lte": "2026-03-02T10:00:00Z"}, "34"),
        ({"recorded_at.lte": "2026-01-01T00:00:00Z"}, ""),
    ],
)
async def test_touch_points_are_listed_by_their_filters(
    interactions: ServiceUnderTest, parameters: dict[str, Any], numbers: str
) -> None:
    fields: list[dict[str, Any]] = [
        {"customer_id": CUSTOMER, "channel": "phone", "agent_id": "a-1"},
        {"customer_id": CUSTOMER},
        {"customer_id": str(uuid7()), "channel": "chat", "agent_id": "a-1"},
        {"author": {"handle": "@ada"}, "channel": "phone", "direction": "outbound", "source": "phone"},
    ]
    for number, more in enumerate(fields, 1):
        body = a_touch_point(source_id=str(number), occurred_at=f"2026-03-0{5 - number}T10:00:00Z") | more
        assert (await interactions.post("/v1/touch-points", body)).status_code == 201
    assert await listed(interactions, "/v1/touch-points", **parameters) == list(numbers)


@pytest.mark.parametrize("path", ["/v1/purchases", "/v1/refunds", "/v1/touch-points"])
async def test_a_source_id_without_its_source_is_rejected(interactions: ServiceUnderTest, path: str) -> None:
    response = await interactions.get(path, source_id="1")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/source_id")
    assert "source" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/purchases", "/v1/refunds", "/v1/touch-points"])
async def test_an_unknown_sort_is_rejected(interactions: ServiceUnderTest, path: str) -> None:
    assert (await interactions.get(path, sort="source_id")).status_code in (400, 422)
