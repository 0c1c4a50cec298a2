"""Refunds: by line, by amount, and never more than is left."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from chassis.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.service import ServiceUnderTest

LINES = [{"sku": "tea", "quantity": 3, "amount": "10.00"}, {"sku": "cake", "quantity": 1, "unit_price": "5.00"}]


async def a_refundable(interactions: ServiceUnderTest, **fields: Any) -> str:
    purchase = (await interactions.post("/v1/purchases", a_purchase(lines=LINES, **fields))).json()
    await interactions.published()
    return f"/v1/purchases/{purchase['id']}/refunds"


def a_refund(**fields: Any) -> dict[str, Any]:
    return {"source": "till", "source_id": str(uuid7()), "refunded_at": "2026-03-02T10:00:00Z", **fields}


def by_line(number: int, **fields: Any) -> dict[str, Any]:
    return a_refund(lines=[{"number": number, **fields}])


async def test_thirds_of_a_line_add_up_to_the_line(interactions: ServiceUnderTest) -> None:
    path = await a_refundable(interactions)
    amounts = []
    for _ in range(3):
        answer = await interactions.post(path, by_line(1, quantity=1))
        assert answer.status_code == 201, answer.text
        amounts.append(answer.json()["amount"]["amount"])
    assert amounts == ["3.33", "3.34", "3.33"]
    over = await interactions.post(path, by_line(1, quantity="0.001"))
    assert (over.status_code, over.json()["code"], over.json()["left"]) == (409, "more_than_is_left", "0")
    facts = [event.data for event in await interactions.published()]
    assert [fact["refunded"]["amount"] for fact in facts] == ["3.33", "6.67", "10.00"]


@pytest.mark.parametrize(
    ("refunds", "statuses"),
    [
        ([a_refund(amount="15.00"), a_refund(amount="0.01")], [201, 409]),
        ([a_refund(amount="15.01")], [409]),
        ([by_line(2, amount="5.00"), by_line(2, quantity=1)], [201, 409]),
        ([by_line(2, amount="5.01")], [409]),
        ([by_line(1, quantity=3), a_refund(amount="5.01"), a_refund(amount="5.00")], [201, 409, 201]),
        ([a_refund(amount="12.00"), by_line(1, quantity=3), by_line(1, quantity="0.9")], [201, 409, 201]),
        ([by_line(1, amount="9.99"), by_line(1, quantity=3)], [201, 201]),
    ],
)
async def test_never_more_goes_back_than_is_left(
    interactions: ServiceUnderTest, refunds: list[dict[str, Any]], statuses: list[int]
) -> None:
    path = await a_refundable(interactions)
    answers = [await interactions.post(path, {**refund, "source_id": str(uuid7())}) for refund in refunds]
    assert [answer.status_code for answer in answers] == statuses
    gone = sum(Decimal(answer.json()["amount"]["amount"]) for answer in answers if answer.status_code == 201)
    assert gone <= Decimal("15.00")


async def test_of_parallel_refunds_no_more_succeed_than_there_is(interactions: ServiceUnderTest) -> None:
    path = await a_refundable(interactions)
    answers = await asyncio.gather(*(interactions.post(path, a_refund(amount="4.00")) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 7}


async def test_a_refund_sent_again_is_what_stands(interactions: ServiceUnderTest) -> None:
    path = await a_refundable(interactions)
    body = by_line(1, quantity=1)
    first = await interactions.post(path, body)
    await interactions.post(path, by_line(1, quantity=2))
    again = await interactions.post(path, body)  # nothing is left by now, and yet it is what stands
    assert (again.status_code, again.json()) == (200, first.json())
    other = await interactions.post(path, body | {"lines": [{"number": 2, "quantity": 1}]})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    assert len(await interactions.published()) == 2
    assert len((await interactions.get(path)).json()["items"]) == 2


@pytest.mark.parametrize(
    ("refund", "pointer"),
    [
        (a_refund(), ""),
        (a_refund(amount="1.00", lines=[{"number": 1, "quantity": 1}]), ""),
        (by_line(1), "/lines/0"),
        (by_line(1, quantity=1, amount="1.00"), "/lines/0"),
        (by_line(9, quantity=1), "/lines/0/number"),
        (a_refund(lines=[{"number": 1, "quantity": 1}, {"number": 1, "quantity": 1}]), ""),
        (a_refund(amount="0.00"), "/amount"),
        (a_refund(amount="-1.00"), "/amount"),
        (a_refund(amount="1.001"), "/amount"),
        (a_refund(amount=1.5), "/amount"),
        (by_line(1, quantity=0), "/lines"),
        (a_refund(amount="1.00", refunded_at="2150-01-01T00:00:00Z"), "/refunded_at"),
        (
            a_refund(lines=[{"number": 1, "amount": "10.00"}, {"number": 2, "amount": "-4.00"}]),
            "/lines/1/amount",
        ),
    ],
)
async def test_a_refund_that_makes_no_sense_is_refused(
    interactions: ServiceUnderTest, refund: dict[str, Any], pointer: str
) -> None:
    path = await a_refundable(interactions)
    answer = await interactions.post(path, refund)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await interactions.published() == []


async def test_a_refund_of_no_purchase_is_a_404(interactions: ServiceUnderTest) -> None:
    assert (await interactions.post(f"/v1/purchases/{uuid7()}/refunds", a_refund(amount="1.00"))).status_code == 404


def an_early_refund(number: str, **fields: Any) -> dict[str, Any]:
    return a_refund(purchase={"source": "till", "source_id": number}, **fields)


async def test_a_refund_before_its_purchase_waits_for_it(interactions: ServiceUnderTest) -> None:
    number = str(uuid7())
    refund = an_early_refund(number, lines=[{"number": 1, "quantity": "1.5"}])
    for _ in range(2):
        answer = await interactions.post("/v1/refunds", refund)
        assert (answer.status_code, answer.json()["state"]) == (202, "waiting"), answer.text
    same = refund | {"lines": [{"number": 1, "quantity": "1.500"}]}
    assert (await interactions.post("/v1/refunds", same)).status_code == 202, "the same, said otherwise"
    other = await interactions.post("/v1/refunds", refund | {"lines": [{"number": 2, "quantity": 1}]})
    assert (other.status_code, other.json()["code"]) == (409, "source_id_reused")
    await interactions.do_chores()
    assert len((await interactions.get("/v1/waiting-refunds")).json()["items"]) == 1

    path = await a_refundable(interactions, source="till", source_id=number)
    await asyncio.gather(*(interactions.do_chores() for _ in range(3)))
    assert (await interactions.get("/v1/waiting-refunds")).json()["items"] == []
    recorded = (await interactions.get(path)).json()["items"]
    assert [(one["source_id"], one["amount"]["amount"]) for one in recorded] == [(refund["source_id"], "5.00")]
    assert [event.type for event in await interactions.published()] == ["interactions.purchase_refunded.v1"]
    again = await interactions.post("/v1/refunds", refund)
    assert (again.status_code, again.json()) == (200, recorded[0])


async def test_early_refunds_of_more_than_there_is_are_refused_and_kept(interactions: ServiceUnderTest) -> None:
    number = str(uuid7())
    for amount in ("10.00", "5.01", "5.00"):
        assert (await interactions.post("/v1/refunds", an_early_refund(number, amount=amount))).status_code == 202
    path = await a_refundable(interactions, source="till", source_id=number)
    await interactions.do_chores()
    assert [one["amount"]["amount"] for one in (await interactions.get(path)).json()["items"]] == ["10.00", "5.00"]
    (kept,) = (await interactions.get("/v1/waiting-refunds", state="refused")).json()["items"]
    assert kept["problem"] == "more_than_is_left: Only 5.00 is left."
    assert (await interactions.get("/v1/waiting-refunds", state="waiting")).json()["items"] == []


async def test_a_refund_by_the_sources_number_of_a_known_purchase_is_recorded_at_once(
    interactions: ServiceUnderTest,
) -> None:
    number = str(uuid7())
    path = await a_refundable(interactions, source="till", source_id=number)
    refund = an_early_refund(number, amount="2.00")
    answer = await interactions.post("/v1/refunds", refund)
    assert (answer.status_code, answer.json()["amount"]["amount"]) == (201, "2.00")
    nested = {name: value for name, value in refund.items() if name != "purchase"}
    assert (await interactions.post(path, nested)).status_code == 200, "the same refund, told in the other way"
    over = await interactions.post("/v1/refunds", an_early_refund(number, amount="13.01"))
    assert (over.status_code, over.json()["code"]) == (409, "more_than_is_left")


async def test_another_tenants_purchase_is_waited_for_in_vain(running_interactions: ServiceUnderTest) -> None:
    one, other = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    number = str(uuid7())
    await a_refundable(one, source="till", source_id=number)
    assert (await other.post("/v1/refunds", an_early_refund(number, amount="1.00"))).status_code == 202
    await other.do_chores()
    assert len((await other.get("/v1/waiting-refunds")).json()["items"]) == 1
    assert (await one.get("/v1/waiting-refunds")).json()["items"] == []
