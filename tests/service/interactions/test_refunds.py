"""Refunds: by line or by amount, and never more than the remaining amount."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from chassis import json
from chassis.types.ids import uuid7
from services.interactions.sources.rules import content_hash
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_refund_by_source, a_refund_of_line
from tests.support.service import ServiceUnderTest

LINES = [{"sku": "tea", "quantity": "3", "amount": "10.00"}, {"sku": "cake", "quantity": "1", "unit_price": "5.00"}]


async def a_refundable_purchase(interactions: ServiceUnderTest, **fields: Any) -> str:
    purchase = (await interactions.post("/v1/purchases", a_purchase(lines=LINES, **fields))).json()
    await interactions.published()
    return f"/v1/purchases/{purchase['id']}/refunds"


async def test_thirds_of_a_line_add_up_to_the_line(interactions: ServiceUnderTest) -> None:
    path = await a_refundable_purchase(interactions)
    amounts = []
    for _ in range(3):
        response = await interactions.post(path, a_refund_of_line(1, quantity="1"))
        assert response.status_code == 201, response.text
        amounts.append(response.json()["amount"]["amount"])
    assert amounts == ["3.33", "3.34", "3.33"]
    over = await interactions.post(path, a_refund_of_line(1, quantity="0.001"))
    assert (over.status_code, over.json()["code"], over.json()["left"]) == (409, "refund_exceeds_purchase", "0")
    events = [event.data for event in await interactions.published()]
    assert [event["refunded"]["amount"] for event in events] == ["3.33", "6.67", "10.00"]


async def test_a_line_with_a_negative_amount_goes_back_in_the_same_parts(interactions: ServiceUnderTest) -> None:
    lines = [{"sku": "tea", "quantity": "2", "amount": "10.00"}, {"sku": "coupon", "quantity": "2", "amount": "-1.00"}]
    purchase = await interactions.post("/v1/purchases", a_purchase(lines=lines))
    path = f"/v1/purchases/{purchase.json()['id']}/refunds"
    half = [{"number": 1, "quantity": "1"}, {"number": 2, "quantity": "1"}]
    parts = [(await interactions.post(path, a_refund(lines=half))).json() for _ in range(2)]
    assert [part["amount"]["amount"] for part in parts] == ["4.50", "4.50"]
    assert [line["amount"] for part in parts for line in part["lines"]] == ["5.00", "-0.50"] * 2
    over = await interactions.post(path, a_refund(amount="0.01"))
    assert (over.status_code, over.json()["left"]) == (409, "0.00")


async def test_a_refund_that_was_rounded_by_an_earlier_rule_is_still_a_repeat(interactions: ServiceUnderTest) -> None:
    lines = [{"sku": "tea", "quantity": "2", "amount": "10.00"}, {"sku": "coupon", "quantity": "2", "amount": "-1.00"}]
    purchase = await interactions.post("/v1/purchases", a_purchase(lines=lines))
    path = f"/v1/purchases/{purchase.json()['id']}/refunds"
    refund = a_refund(lines=[{"number": 1, "quantity": "1"}, {"number": 2, "quantity": "1"}])
    first = (await interactions.post(path, refund)).json()
    # Release 0.1.0 returned the whole coupon with half of its quantity.
    (stored,) = await interactions.rows("select * from refund where id = $1", UUID(first["id"]))
    content = {
        name: stored[name] for name in ("purchase_id", "customer_id", "source", "source_id", "refunded_at", "currency")
    }
    amounts = ("5.00", "-1.00")
    lines = [{"number": number, "quantity": "1", "amount": amount} for number, amount in enumerate(amounts, 1)]
    content |= {"amount_minor": 400, "lines": lines}
    await interactions.as_owner(
        f"update refund set amount_minor = 400, lines = '{json.dumps_str(lines)}', "
        f"content_hash = '{content_hash(content)}' where id = '{first['id']}'"
    )
    repeat = await interactions.post(path, refund)
    assert (repeat.status_code, repeat.json()["amount"]["amount"]) == (200, "4.00")


async def test_the_event_of_a_refund_names_its_source_and_its_lines(interactions: ServiceUnderTest) -> None:
    path = await a_refundable_purchase(interactions)
    lines = [{"number": 2, "amount": "1.00"}, {"number": 1, "quantity": "1.500"}]
    refund = a_refund(lines=lines)
    for body in (refund, a_refund(amount="2.00")):
        assert (await interactions.post(path, body)).status_code == 201
    by_line, by_amount = [event.data for event in await interactions.published()]
    assert (by_line["source"], by_line["source_id"]) == (refund["source"], refund["source_id"])
    assert by_line["lines"] == [
        {"number": 2, "sku": "cake", "category": None, "quantity": None, "amount": "1.00"},
        {"number": 1, "sku": "tea", "category": None, "quantity": "1.5", "amount": "5.00"},
    ]
    assert by_amount["lines"] == []


@pytest.mark.parametrize(
    ("refunds", "statuses"),
    [
        ([a_refund(amount="15.00"), a_refund(amount="0.01")], [201, 409]),
        ([a_refund(amount="15.01")], [409]),
        ([a_refund_of_line(2, amount="5.00"), a_refund_of_line(2, quantity="1")], [201, 409]),
        ([a_refund_of_line(2, amount="5.01")], [409]),
        ([a_refund_of_line(1, quantity="3"), a_refund(amount="5.01"), a_refund(amount="5.00")], [201, 409, 201]),
        (
            [a_refund(amount="12.00"), a_refund_of_line(1, quantity="3"), a_refund_of_line(1, quantity="0.9")],
            [201, 409, 201],
        ),
        ([a_refund_of_line(1, amount="9.99"), a_refund_of_line(1, quantity="3")], [201, 201]),
    ],
)
async def test_refunds_never_exceed_the_purchase(
    interactions: ServiceUnderTest, refunds: list[dict[str, Any]], statuses: list[int]
) -> None:
    path = await a_refundable_purchase(interactions)
    responses = [await interactions.post(path, {**refund, "source_id": str(uuid7())}) for refund in refunds]
    assert [response.status_code for response in responses] == statuses
    gone = sum(Decimal(response.json()["amount"]["amount"]) for response in responses if response.status_code == 201)
    assert gone <= Decimal("15.00")


async def test_parallel_refunds_never_exceed_the_purchase(interactions: ServiceUnderTest) -> None:
    path = await a_refundable_purchase(interactions)
    responses = await asyncio.gather(*(interactions.post(path, a_refund(amount="4.00")) for _ in range(10)))
    assert Counter(response.status_code for response in responses) == {201: 3, 409: 7}


async def test_a_repeated_refund_returns_the_existing_one(interactions: ServiceUnderTest) -> None:
    path = await a_refundable_purchase(interactions)
    body = a_refund_of_line(1, quantity="1")
    first = await interactions.post(path, body)
    await interactions.post(path, a_refund_of_line(1, quantity="2"))
    repeat = await interactions.post(path, body)  # the line is fully refunded, but this refund is already recorded
    assert (repeat.status_code, repeat.json()) == (200, first.json())
    other = await interactions.post(path, body | {"lines": [{"number": 2, "quantity": "1"}]})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    assert len(await interactions.published()) == 2
    assert len((await interactions.get(path)).json()["items"]) == 2


@pytest.mark.parametrize(
    ("refund", "pointer"),
    [
        (a_refund(), ""),
        (a_refund(amount="1.00", lines=[{"number": 1, "quantity": "1"}]), ""),
        (a_refund_of_line(1), "/lines/0"),
        (a_refund_of_line(1, quantity="1", amount="1.00"), "/lines/0"),
        (a_refund_of_line(9, quantity="1"), "/lines/0/number"),
        (a_refund(lines=[{"number": 1, "quantity": "1"}, {"number": 1, "quantity": "1"}]), ""),
        (a_refund(amount="0.00"), "/amount"),
        (a_refund(amount="-1.00"), "/amount"),
        (a_refund(amount="1.001"), "/amount"),
        (a_refund(amount=1.5), "/amount"),
        (a_refund_of_line(1, quantity="0"), "/lines"),
        (a_refund(amount="1.00", refunded_at="2150-01-01T00:00:00Z"), "/refunded_at"),
        (a_refund(amount="1.00", refunded_at="2026-02-28T09:59:59Z"), "/refunded_at"),
        (
            a_refund(lines=[{"number": 1, "amount": "10.00"}, {"number": 2, "amount": "-4.00"}]),
            "/lines/1/amount",
        ),
    ],
)
async def test_an_invalid_refund_returns_422(
    interactions: ServiceUnderTest, refund: dict[str, Any], pointer: str
) -> None:
    path = await a_refundable_purchase(interactions)
    response = await interactions.post(path, refund)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await interactions.published() == []


async def test_a_refund_of_an_unknown_purchase_returns_404(interactions: ServiceUnderTest) -> None:
    assert (await interactions.post(f"/v1/purchases/{uuid7()}/refunds", a_refund(amount="1.00"))).status_code == 404


async def test_a_refund_before_its_purchase_waits_for_it(interactions: ServiceUnderTest) -> None:
    number = str(uuid7())
    refund = a_refund_by_source(number, lines=[{"number": 1, "quantity": "1.5"}])
    for _ in range(2):
        response = await interactions.post("/v1/refunds", refund)
        assert (response.status_code, response.json()["state"]) == (202, "waiting"), response.text
    same = refund | {"lines": [{"number": 1, "quantity": "1.500"}]}
    assert (await interactions.post("/v1/refunds", same)).status_code == 202, "the same quantity, spelled differently"
    other = await interactions.post("/v1/refunds", refund | {"lines": [{"number": 2, "quantity": "1"}]})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    await interactions.run_periodic_tasks()
    assert len((await interactions.get("/v1/waiting-refunds")).json()["items"]) == 1

    path = await a_refundable_purchase(interactions, source="till", source_id=number)
    await asyncio.gather(*(interactions.run_periodic_tasks() for _ in range(3)))
    assert (await interactions.get("/v1/waiting-refunds")).json()["items"] == []
    recorded = (await interactions.get(path)).json()["items"]
    assert [(item["source_id"], item["amount"]["amount"]) for item in recorded] == [(refund["source_id"], "5.00")]
    assert [event.type for event in await interactions.published()] == ["interactions.purchase_refunded.v1"]
    repeat = await interactions.post("/v1/refunds", refund)
    assert (repeat.status_code, repeat.json()) == (200, recorded[0])


async def test_waiting_refunds_that_exceed_their_purchase_are_refused_and_kept(interactions: ServiceUnderTest) -> None:
    number = str(uuid7())
    for amount in ("10.00", "5.01", "5.00"):
        assert (await interactions.post("/v1/refunds", a_refund_by_source(number, amount=amount))).status_code == 202
    path = await a_refundable_purchase(interactions, source="till", source_id=number)
    await interactions.run_periodic_tasks()
    assert [item["amount"]["amount"] for item in (await interactions.get(path)).json()["items"]] == ["10.00", "5.00"]
    (kept,) = (await interactions.get("/v1/waiting-refunds", state="refused")).json()["items"]
    assert kept["problem"] == "refund_exceeds_purchase: Only 5.00 is left."
    assert (await interactions.get("/v1/waiting-refunds", state="waiting")).json()["items"] == []


async def test_the_clocks_of_a_refund_and_its_purchase_may_differ_by_a_day(interactions: ServiceUnderTest) -> None:
    path = await a_refundable_purchase(interactions)
    refund = a_refund(amount="1.00", refunded_at="2026-02-28T10:00:00Z")
    assert (await interactions.post(path, refund)).status_code == 201


async def test_a_refund_dated_before_its_purchase_is_refused_also_after_it_waited(
    interactions: ServiceUnderTest,
) -> None:
    number = str(uuid7())
    early = a_refund_by_source(number, amount="1.00", refunded_at="2020-01-01T00:00:00Z")
    assert (await interactions.post("/v1/refunds", early)).status_code == 202
    path = await a_refundable_purchase(interactions, source="till", source_id=number)
    await interactions.run_periodic_tasks()
    (kept,) = (await interactions.get("/v1/waiting-refunds", state="refused")).json()["items"]
    assert kept["problem"] == "validation_failed: the purchase was made later, at 2026-03-01T10:00:00Z"
    assert (await interactions.get(path)).json()["items"] == []


async def test_a_refund_by_source_id_of_a_known_purchase_is_recorded_at_once(
    interactions: ServiceUnderTest,
) -> None:
    number = str(uuid7())
    path = await a_refundable_purchase(interactions, source="till", source_id=number)
    refund = a_refund_by_source(number, amount="2.00")
    response = await interactions.post("/v1/refunds", refund)
    assert (response.status_code, response.json()["amount"]["amount"]) == (201, "2.00")
    nested = {name: value for name, value in refund.items() if name != "purchase"}
    assert (await interactions.post(path, nested)).status_code == 200, "the same refund, sent to the other operation"
    over = await interactions.post("/v1/refunds", a_refund_by_source(number, amount="13.01"))
    assert (over.status_code, over.json()["code"]) == (409, "refund_exceeds_purchase")


async def test_a_refund_does_not_find_the_purchase_of_another_tenant(running_interactions: ServiceUnderTest) -> None:
    own, other = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    number = str(uuid7())
    await a_refundable_purchase(own, source="till", source_id=number)
    assert (await other.post("/v1/refunds", a_refund_by_source(number, amount="1.00"))).status_code == 202
    await other.run_periodic_tasks()
    assert len((await other.get("/v1/waiting-refunds")).json()["items"]) == 1
    assert (await own.get("/v1/waiting-refunds")).json()["items"] == []
