"""Pages of large items end early, and the pages that follow continue exactly."""

from typing import Any

import pytest

from chassis.http import pagination
from chassis.http.pagination import MAX_PAGE_BYTES
from tests.support.facts import a_customer, a_purchase
from tests.support.service import ServiceUnderTest

LARGEST_ITEM = 1_100_000


def large_purchase(number: int) -> dict[str, Any]:
    """Return a purchase whose JSON has some 300 KB, or that is small if its number is odd."""
    line = {"sku": f"sku-{number}", "name": "n" * 200, "quantity": "1", "amount": "1.00"}
    return a_purchase(lines=[line] * (700 if number % 2 == 0 else 1), purchased_at=f"2026-03-01T10:00:{number:02}Z")


def large_customer(number: int) -> dict[str, Any]:
    return a_customer(family_name=f"Lovelace{number}", custom={"note": f"{number}-" + "x" * 60_000})


async def pages(service: ServiceUnderTest, path: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    """Return the items of all pages. None is much larger than the maximum."""
    read: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        response = await service.get(path, **parameters, **cursor)
        assert response.status_code == 200, response.text
        assert len(response.content) < MAX_PAGE_BYTES + LARGEST_ITEM
        page = response.json()
        read.append(page["items"])
        if page["next_cursor"] is None:
            return read
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("sort", ["purchased_at", "-purchased_at", "recorded_at"])
async def test_a_page_of_large_purchases_ends_early_and_the_next_continues(
    interactions: ServiceUnderTest, sort: str
) -> None:
    bodies = [large_purchase(number) for number in range(40)]
    for begin in range(0, 40, 10):
        await interactions.post("/v1/purchases/batch", {"items": bodies[begin : begin + 10]})
    read = await pages(interactions, "/v1/purchases", sort=sort, limit=35)
    sent = [body["source_id"] for body in bodies]
    received = [item["source_id"] for page in read for item in page]
    assert received == {"purchased_at": sent, "-purchased_at": sent[::-1]}.get(sort, received)
    assert sorted(received) == sorted(sent)
    assert all(5 < len(page) < 35 for page in read[:-1])


async def test_a_page_of_large_customers_ends_early_and_the_next_continues(customers: ServiceUnderTest) -> None:
    for number in range(80):
        assert (await customers.post("/v1/customers", large_customer(number))).status_code == 201
    read = await pages(customers, "/v1/customers", limit=200)
    assert [item["family_name"] for page in read for item in page] == [f"Lovelace{number}" for number in range(80)]
    assert [len(page) for page in read] == [67, 13]
    (matches,) = await pages(customers, "/v1/customers", q="ada", limit=200)
    assert len(matches) == 67


async def test_a_page_of_long_texts_ends_early(interactions: ServiceUnderTest) -> None:
    for number in range(30):
        body = {
            "author": {"handle": "@ada"},
            "source": "desk",
            "source_id": str(number),
            "channel": "email",
            "direction": "inbound",
            "body": "é" * 90_000,
            "occurred_at": f"2026-03-01T10:00:{number:02}Z",
        }
        assert (await interactions.post("/v1/touch-points", body)).status_code == 201
    read = await pages(interactions, "/v1/touch-points", sort="occurred_at")
    assert [item["source_id"] for page in read for item in page] == [str(number) for number in range(30)]
    assert len(read) == 2


async def test_an_item_larger_than_a_page_is_a_page(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 100)
    bodies = [a_purchase(purchased_at=f"2026-03-01T10:00:{number:02}Z") for number in range(3)]
    await interactions.post("/v1/purchases/batch", {"items": bodies})
    read = await pages(interactions, "/v1/purchases", sort="purchased_at")
    assert [[item["source_id"] for item in page] for page in read] == [[body["source_id"]] for body in bodies]


async def test_a_page_of_small_items_is_as_long_as_its_limit(interactions: ServiceUnderTest) -> None:
    await interactions.post("/v1/purchases/batch", {"items": [a_purchase() for _ in range(401)]})
    assert [len(page) for page in await pages(interactions, "/v1/purchases", limit=200)] == [200, 200, 1]
