"""Purchases: each is recorded once, no matter how often a client sends it."""

import asyncio
from collections import Counter
from datetime import timedelta

from chassis.types.ids import uuid7
from services.interactions.sources.known_customers import count_orphans
from tests.support.facts import a_purchase
from tests.support.interactions import customer_created
from tests.support.service import ServiceUnderTest


async def test_a_purchase_reads_back_with_its_amounts(interactions: ServiceUnderTest) -> None:
    lines = [
        {"sku": "tea", "quantity": "2.500", "unit_price": "1.999", "discount": "0.50"},
        {"sku": "sample", "quantity": "1", "amount": "0.00"},
        {"sku": "cake", "name": "Cake", "category": "food", "quantity": "1", "amount": "3.00", "unit_cost": "1.10"},
    ]
    created = (await interactions.post("/v1/purchases", a_purchase(lines=lines, store="1"))).json()
    assert created["total"] == {"amount": "7.50", "currency": "EUR"}
    assert [line["amount"] for line in created["lines"]] == ["4.50", "0.00", "3.00"]
    assert [line["number"] for line in created["lines"]] == [1, 2, 3]
    assert (await interactions.get(f"/v1/purchases/{created['id']}")).json() == created
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.purchase_recorded.v1", created["customer_id"])
    assert event.data["total"] == created["total"]


async def test_a_price_reads_back_as_it_was_sent(interactions: ServiceUnderTest) -> None:
    lines = [{"sku": "tea", "quantity": "2", "unit_price": "2.50", "unit_cost": "1.0"}]
    body = a_purchase(lines=lines)
    created = (await interactions.post("/v1/purchases", body)).json()
    assert (created["lines"][0]["unit_price"], created["lines"][0]["unit_cost"]) == ("2.50", "1.0")
    assert (await interactions.get(f"/v1/purchases/{created['id']}")).json() == created
    same = [{"sku": "tea", "quantity": "2.0", "unit_price": "2.5", "unit_cost": "1"}]
    repeat = await interactions.post("/v1/purchases", body | {"lines": same})
    assert (repeat.status_code, repeat.json()) == (200, created)
    other = await interactions.post("/v1/purchases", body | {"lines": [same[0] | {"unit_price": "2.51"}]})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")


async def test_a_repeated_purchase_returns_the_existing_one(interactions: ServiceUnderTest) -> None:
    body = a_purchase()
    first = await interactions.post("/v1/purchases", body)
    spelled_differently = body | {
        "purchased_at": "2026-03-01T11:00:00+01:00",
        "lines": [{"sku": "tea", "quantity": "2.000", "unit_price": "2.500000"}],
    }
    for repeat in (body, spelled_differently):
        response = await interactions.post("/v1/purchases", repeat)
        assert (response.status_code, response.json()) == (200, first.json())
    assert len(await interactions.published()) == 1


async def test_different_content_under_the_same_source_id_returns_409(interactions: ServiceUnderTest) -> None:
    body = a_purchase()
    first = (await interactions.post("/v1/purchases", body)).json()
    for change in ({"customer_id": str(uuid7())}, {"store": "2"}, {"currency": "USD"}):
        response = await interactions.post("/v1/purchases", body | change)
        assert (response.status_code, response.json()["code"]) == (409, "source_id_reused")
        assert response.json()["id"] == first["id"]
    assert (await interactions.post("/v1/purchases", body | {"source": "shop"})).status_code == 201


async def test_a_purchase_in_the_future_returns_422(interactions: ServiceUnderTest) -> None:
    response = await interactions.post("/v1/purchases", a_purchase(purchased_at="2150-01-01T00:00:00Z"))
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/purchased_at")


async def test_a_batch_reports_the_outcome_of_each_item(interactions: ServiceUnderTest) -> None:
    first, second = a_purchase(), a_purchase()
    items = [first, second, first, first | {"store": "2"}, first | {"purchased_at": "2150-01-01T00:00:00Z"}]
    results = (await interactions.post("/v1/purchases/batch", {"items": items})).json()["results"]
    assert [result["status"] for result in results] == ["created", "created", "unchanged", "refused", "refused"]
    assert results[0]["id"] == results[2]["id"]
    assert [results[3]["problem"]["code"], results[4]["problem"]["code"]] == ["source_id_reused", "validation_failed"]
    assert results[4]["problem"]["errors"][0]["pointer"] == "/purchased_at"
    assert len(await interactions.published()) == 2


async def test_parallel_batches_with_the_same_purchases_record_each_once(interactions: ServiceUnderTest) -> None:
    items = [a_purchase() for _ in range(60)]

    async def send(step: int) -> Counter[str]:
        response = await interactions.post("/v1/purchases/batch", {"items": items[::step]})
        return Counter(result["status"] for result in response.json()["results"])

    counts = sum(await asyncio.gather(*(send(step) for step in (1, -1, 1, -1))), Counter[str]())
    assert counts == {"created": 60, "unchanged": 180}
    assert len(await interactions.published()) == 60


async def test_a_purchase_of_an_unknown_customer_is_an_orphan_until_the_customer_is_announced(
    interactions: ServiceUnderTest,
) -> None:
    known, unknown = uuid7(), uuid7()
    await interactions.deliver(customer_created(known))
    for customer in (known, unknown, unknown):
        assert (await interactions.post("/v1/purchases", a_purchase(customer))).status_code == 201
    assert [(row["id"], row["records"]) for row in await awaited(interactions)] == [(unknown, 2)]
    before = await orphans(interactions)
    await interactions.rows("update awaited_customer set since = since - $1::interval", timedelta(minutes=6))
    assert await orphans(interactions) == before + 2
    await interactions.deliver(customer_created(unknown))
    assert await awaited(interactions) == []
    assert await orphans(interactions) == before


async def awaited(interactions: ServiceUnderTest) -> list[dict[str, object]]:
    return await interactions.rows("select id, records from awaited_customer")


async def orphans(interactions: ServiceUnderTest) -> int:
    return await count_orphans(interactions.shared.running.pool)
