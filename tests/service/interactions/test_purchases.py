"""Purchases: each is recorded once, whoever sends it, however often."""

import asyncio
from collections import Counter
from datetime import timedelta

from chassis.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.service import ServiceUnderTest


async def test_a_purchase_reads_back_with_its_amounts(interactions: ServiceUnderTest) -> None:
    lines = [
        {"sku": "tea", "quantity": "2.500", "unit_price": "1.999", "discount": "0.50"},
        {"sku": "coupon", "quantity": 0},
        {"sku": "cake", "name": "Cake", "category": "food", "quantity": 1, "amount": "3.00", "unit_cost": "1.10"},
    ]
    created = (await interactions.post("/v1/purchases", a_purchase(lines=lines, store="1"))).json()
    assert created["total"] == {"amount": "7.50", "currency": "EUR"}
    assert [line["amount"] for line in created["lines"]] == ["4.50", "0.00", "3.00"]
    assert [line["number"] for line in created["lines"]] == [1, 2, 3]
    assert (await interactions.get(f"/v1/purchases/{created['id']}")).json() == created
    (event,) = await interactions.published()
    assert (event.type, event.subject) == ("interactions.purchase_recorded.v1", created["customer_id"])
    assert event.data["total"] == created["total"]


async def test_the_same_purchase_sent_again_is_what_stands(interactions: ServiceUnderTest) -> None:
    body = a_purchase()
    first = await interactions.post("/v1/purchases", body)
    said_otherwise = body | {
        "purchased_at": "2026-03-01T11:00:00+01:00",
        "lines": [{"sku": "tea", "quantity": "2.000", "unit_price": "2.500000"}],
    }
    for again in (body, said_otherwise):
        answer = await interactions.post("/v1/purchases", again)
        assert (answer.status_code, answer.json()) == (200, first.json())
    assert len(await interactions.published()) == 1


async def test_another_purchase_under_the_same_source_id_is_refused(interactions: ServiceUnderTest) -> None:
    body = a_purchase()
    first = (await interactions.post("/v1/purchases", body)).json()
    for change in ({"customer_id": str(uuid7())}, {"store": "2"}, {"currency": "USD"}):
        answer = await interactions.post("/v1/purchases", body | change)
        assert (answer.status_code, answer.json()["code"]) == (409, "source_id_reused")
        assert answer.json()["id"] == first["id"]
    assert (await interactions.post("/v1/purchases", body | {"source": "shop"})).status_code == 201


async def test_nothing_is_bought_in_the_far_future(interactions: ServiceUnderTest) -> None:
    answer = await interactions.post("/v1/purchases", a_purchase(purchased_at="2150-01-01T00:00:00Z"))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/purchased_at")


async def test_a_batch_says_of_each_item_what_became_of_it(interactions: ServiceUnderTest) -> None:
    one, other = a_purchase(), a_purchase()
    items = [one, other, one, one | {"store": "2"}]
    results = (await interactions.post("/v1/purchases/batch", {"items": items})).json()["results"]
    assert [result["status"] for result in results] == ["created", "created", "unchanged", "refused"]
    assert results[0]["id"] == results[2]["id"]
    assert len(await interactions.published()) == 2


async def test_parallel_batches_with_the_same_purchases_record_each_once(interactions: ServiceUnderTest) -> None:
    items = [a_purchase() for _ in range(60)]

    async def send(step: int) -> Counter[str]:
        answer = await interactions.post("/v1/purchases/batch", {"items": items[::step]})
        return Counter(result["status"] for result in answer.json()["results"])

    counts = sum(await asyncio.gather(*(send(step) for step in (1, -1, 1, -1))), Counter[str]())
    assert counts == {"created": 60, "unchanged": 180}
    assert len(await interactions.published()) == 60


async def test_a_purchase_of_a_stranger_is_an_orphan_until_the_customer_appears(
    interactions: ServiceUnderTest,
) -> None:
    known, stranger = uuid7(), uuid7()
    await interactions.deliver(created(known))
    for customer in (known, stranger, stranger):
        assert (await interactions.post("/v1/purchases", a_purchase(customer))).status_code == 201
    assert [(row["id"], row["records"]) for row in await awaited(interactions)] == [(stranger, 2)]
    before = await orphans(interactions)
    await interactions.rows("update awaited_customer set since = since - $1::interval", timedelta(minutes=6))
    assert await orphans(interactions) == before + 2
    await interactions.deliver(created(stranger))
    assert await awaited(interactions) == []
    assert await orphans(interactions) == before


async def awaited(interactions: ServiceUnderTest) -> list[dict[str, object]]:
    return await interactions.rows("select id, records from awaited_customer")


async def orphans(interactions: ServiceUnderTest) -> int:
    from services.interactions.features.known_customers import count_orphans

    return await count_orphans(interactions.shared.pool)


def created(customer: object) -> dict[str, object]:
    data = {"customer_id": str(customer)}
    return {"type": "customers.customer_created.v1", "key": customer, "data": data}
