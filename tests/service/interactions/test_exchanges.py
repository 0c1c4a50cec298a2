"""Exchanges: a refund and a new purchase in one transaction, with the difference of the price."""

import asyncio
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.erasure import erase
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, an_exchange
from tests.support.merges import customers_merged
from tests.support.service import ServiceUnderTest


async def a_purchase_of_five(interactions: ServiceUnderTest, **fields: Any) -> str:
    purchase = (await interactions.post("/v1/purchases", a_purchase(**fields))).json()
    await interactions.published()
    return f"/v1/purchases/{purchase['id']}"


async def test_an_exchange_states_the_difference_and_records_both_sides(interactions: ServiceUnderTest) -> None:
    customer = str(uuid7())
    path = await a_purchase_of_five(interactions, customer_id=customer)
    body = an_exchange(lines=[{"number": 1, "quantity": "1"}])
    answer = await interactions.post(f"{path}/exchanges", body)
    assert answer.status_code == 201, answer.text
    exchange = answer.json()
    figures = {name: exchange[name]["amount"] for name in ("refunded", "total", "difference")}
    assert figures == {"refunded": "2.50", "total": "3.00", "difference": "0.50"}
    new = (await interactions.get(f"/v1/purchases/{exchange['new_purchase_id']}")).json()
    assert (new["customer_id"], new["source_id"], new["currency"]) == (customer, body["source_id"], "EUR")
    (refund,) = (await interactions.get(f"{path}/refunds")).json()["items"]
    assert (refund["id"], refund["lines"][0]["quantity"]) == (exchange["refund_id"], "1")
    assert [event.type.split(".")[1] for event in await interactions.published()] == [
        "purchase_refunded",
        "purchase_recorded",
        "purchase_exchanged",
    ]
    assert (await interactions.get(path)).json()["payment_status"] == "partly_refunded"


async def test_a_cheaper_item_leaves_a_negative_difference(interactions: ServiceUnderTest) -> None:
    path = await a_purchase_of_five(interactions)
    exchange = (await interactions.post(f"{path}/exchanges", an_exchange(amount="5.00"))).json()
    assert exchange["difference"] == {"amount": "-2.00", "currency": "EUR"}


async def test_an_exchange_that_exceeds_the_purchase_records_nothing(interactions: ServiceUnderTest) -> None:
    path = await a_purchase_of_five(interactions)
    await interactions.post(f"{path}/refunds", a_refund(amount="3.00"))
    await interactions.published()
    over = await interactions.post(f"{path}/exchanges", an_exchange(amount="2.01"))
    assert (over.status_code, over.json()["code"], over.json()["left"]) == (409, "refund_exceeds_purchase", "2.00")
    assert await interactions.published() == []
    answers = await asyncio.gather(
        *(interactions.post(f"{path}/exchanges", an_exchange(amount="2.00")) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len((await interactions.get("/v1/purchases")).json()["items"]) == 2


async def test_a_repeated_exchange_returns_the_existing_one(interactions: ServiceUnderTest) -> None:
    path = await a_purchase_of_five(interactions)
    body = an_exchange()
    answers = await asyncio.gather(*(interactions.post(f"{path}/exchanges", body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    for change in (
        {"amount": "2.00"},
        {"exchanged_at": "2026-03-02T11:00:00Z"},
        {"replacement": {"lines": [{"sku": "pot", "quantity": "1", "amount": "3.00"}]}},
    ):
        other = await interactions.post(f"{path}/exchanges", body | change)
        assert (other.status_code, other.json()["code"]) == (409, "source_id_reused"), change
    assert len(await interactions.published()) == 3


async def test_a_refund_that_was_sent_before_its_exchange_is_linked(interactions: ServiceUnderTest) -> None:
    path = await a_purchase_of_five(interactions)
    body = an_exchange()
    refund = a_refund(source_id=body["source_id"], refunded_at=body["exchanged_at"], amount="1.00")
    recorded = (await interactions.post(f"{path}/refunds", refund)).json()
    exchange = await interactions.post(f"{path}/exchanges", body)
    assert (exchange.status_code, exchange.json()["refund_id"]) == (201, recorded["id"])
    assert len((await interactions.get(f"{path}/refunds")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("exchange", "pointer"),
    [
        (an_exchange(lines=[{"number": 9, "quantity": "1"}]), "/lines/0/number"),
        (an_exchange(amount="0.00"), "/amount"),
        (an_exchange(lines=[{"number": 1, "quantity": "1"}], amount="1.00"), ""),
        (an_exchange(exchanged_at="2150-01-01T00:00:00Z"), "/exchanged_at"),
        (an_exchange(exchanged_at="1899-01-01T00:00:00Z"), "/exchanged_at"),
        (an_exchange(exchanged_at="2026-02-27T10:00:00Z"), "/exchanged_at"),
        (an_exchange(replacement={"lines": []}), "/replacement/lines"),
        (an_exchange(replacement={"lines": [{"sku": "cup", "quantity": "1"}]}), "/replacement/lines/0/amount"),
        (
            an_exchange(replacement={"lines": [{"sku": "cup", "quantity": "1", "amount": "1.001"}]}),
            "/replacement/lines/0/amount",
        ),
    ],
)
async def test_an_invalid_exchange_returns_422(
    interactions: ServiceUnderTest, exchange: dict[str, Any], pointer: str
) -> None:
    path = await a_purchase_of_five(interactions)
    answer = await interactions.post(f"{path}/exchanges", exchange)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert await interactions.published() == []


async def test_a_customer_sees_own_exchanges_and_no_cost(interactions: ServiceUnderTest) -> None:
    owner = uuid7()
    path = await a_purchase_of_five(interactions, customer_id=str(owner))
    lines = [{"sku": "cup", "quantity": "1", "amount": "3.00", "unit_cost": "1.00"}]
    exchange = (await interactions.post(f"{path}/exchanges", an_exchange(replacement={"lines": lines}))).json()
    customer = interactions.for_customer(owner)
    for listed in (
        await customer.get(f"{path}/exchanges"),
        await customer.get("/v1/exchanges", customer_id=str(owner)),
        await interactions.get("/v1/exchanges", new_purchase_id=exchange["new_purchase_id"]),
    ):
        assert listed.json()["items"] == [exchange]
    new = (await customer.get(f"/v1/purchases/{exchange['new_purchase_id']}")).json()
    assert new["lines"][0]["unit_cost"] is None
    assert (await interactions.for_customer(uuid7()).get(f"{path}/exchanges")).status_code == 404


async def test_exchanges_follow_a_merge_and_outlive_an_erasure(interactions: ServiceUnderTest) -> None:
    survivor, merged = uuid7(), uuid7()
    path = await a_purchase_of_five(interactions, customer_id=str(merged))
    await interactions.post(f"{path}/exchanges", an_exchange())
    await interactions.deliver(customers_merged(survivor, merged))
    late = await interactions.post(f"{path}/exchanges", an_exchange())
    assert (late.status_code, late.json()["customer_id"]) == (201, str(survivor)), late.text
    assert len((await interactions.get("/v1/exchanges", customer_id=str(survivor))).json()["items"]) == 2
    await erase(interactions, survivor, merged)
    assert len((await interactions.get(f"{path}/exchanges")).json()["items"]) == 2
    refused = await interactions.post(f"{path}/exchanges", an_exchange())
    assert (refused.status_code, refused.json()["code"]) == (410, "person_erased")
    assert len((await interactions.get(f"{path}/refunds")).json()["items"]) == 2, "neither without the other"
