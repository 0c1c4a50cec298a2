"""Amounts: everything that may be recorded can be read, summed, refunded, and read by the other services."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from chassis import IncomingEvent
from chassis.types.currencies import MINOR_DIGITS
from chassis.types.ids import uuid7
from chassis.types.limits import MAX_MINOR
from chassis.types.money import text_from_minor
from services.analytics.facts.purchase_facts import PurchaseRecorded as AnalyticsPurchase
from services.analytics.facts.purchase_facts import PurchaseRefunded as AnalyticsRefund
from services.loyalty.points.points.events import PurchaseRecorded as LoyaltyPurchase
from services.loyalty.points.points.events import PurchaseRefunded as LoyaltyRefund
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund, a_refund_of_line
from tests.support.service import ServiceUnderTest

READERS: dict[str, tuple[type[IncomingEvent], ...]] = {
    "interactions.purchase_recorded.v1": (LoyaltyPurchase, AnalyticsPurchase),
    "interactions.purchase_refunded.v1": (LoyaltyRefund, AnalyticsRefund),
}


def the_largest_purchase(customer: UUID, currency: str, **fields: Any) -> dict[str, Any]:
    """Return a purchase of the largest total in a single line."""
    quantity, price = Decimal(1_000_000), Decimal(MAX_MINOR).scaleb(-MINOR_DIGITS[currency] - 6)
    line = {"sku": "x", "quantity": str(quantity), "unit_price": format(price.normalize(), "f")}
    return a_purchase(customer, currency=currency, lines=[line], **fields)


async def test_the_largest_purchase_of_any_currency_is_read_summed_and_refunded(interactions: ServiceUnderTest) -> None:
    customer, purchased_at = uuid7(), "1998-12-01T10:00:00Z"  # when each of the currencies existed
    for currency, digits in MINOR_DIGITS.items():
        largest = text_from_minor(MAX_MINOR, currency)
        refunds = (a_refund(amount=largest), a_refund_of_line(1, amount=largest))
        for refund in refunds:
            body = the_largest_purchase(customer, currency, purchased_at=purchased_at)
            created = await interactions.post("/v1/purchases", body)
            assert created.status_code == 201, f"{currency}, {digits} decimals: {created.text}"
            path = f"/v1/purchases/{created.json()['id']}"
            assert (await interactions.get(path)).json()["total"]["amount"] == largest
            refunded = await interactions.post(f"{path}/refunds", refund)
            assert refunded.status_code == 201, f"{currency}: {refunded.text}"

    history = (await interactions.get(f"/v1/shopping-histories/{customer}")).json()
    totals = {
        total["currency"]: (total["bought"]["amount"], total["refunded"]["amount"]) for total in history["totals"]
    }
    sums = {currency: text_from_minor(2 * MAX_MINOR, currency) for currency in MINOR_DIGITS}
    assert totals == {currency: (amount, amount) for currency, amount in sums.items()}
    items = {item["amount"]["currency"]: item["amount"]["amount"] for item in history["items"]}
    assert items.items() <= sums.items()
    assert (await interactions.get(f"/v1/timelines/{customer}", limit="200")).status_code == 200
    await every_event_is_readable(interactions, count=4 * len(MINOR_DIGITS))


async def test_the_largest_amounts_are_accepted_as_they_are_sent_with_either_sign(
    interactions: ServiceUnderTest,
) -> None:
    largest = text_from_minor(MAX_MINOR, "IDR")
    lines = [
        {"sku": sku, "quantity": "2", "amount": sign + largest} for sku, sign in zip("abc", ("", "", "-"), strict=True)
    ]
    created = await interactions.post("/v1/purchases", a_purchase(currency="IDR", lines=lines))
    assert (created.status_code, created.json()["total"]["amount"]) == (201, largest), created.text
    path = f"/v1/purchases/{created.json()['id']}/refunds"
    half = [{"number": number, "quantity": "1"} for number in (1, 2, 3)]
    parts = [await interactions.post(path, a_refund(lines=half)) for _ in range(2)]
    assert [part.json()["amount"]["amount"] for part in parts] == [text_from_minor(MAX_MINOR // 2, "IDR")] * 2
    await every_event_is_readable(interactions, count=3)


async def test_a_history_beyond_a_bigint_is_summed(interactions: ServiceUnderTest) -> None:
    customer, largest = uuid7(), text_from_minor(MAX_MINOR, "IDR")
    body = the_largest_purchase(customer, "IDR")
    for _ in range(10):
        items = [{**body, "source_id": str(uuid7())} for _ in range(1_000)]
        assert (await interactions.post("/v1/purchases/batch", {"items": items})).status_code == 200
    history = (await interactions.get(f"/v1/shopping-histories/{customer}")).json()
    (total,), (item,) = history["totals"], history["items"]
    assert Decimal(total["bought"]["amount"]) == Decimal(item["amount"]["amount"]) == 10_000 * Decimal(largest)
    assert (total["refunded"]["amount"], item["quantity"]) == ("0.00", "10000000000")


async def every_event_is_readable(interactions: ServiceUnderTest, count: int) -> None:
    events = await interactions.published()
    assert len(events) == count
    for event in events:
        for reader in READERS[event.type]:
            reader.model_validate(event.data)


@pytest.mark.parametrize(
    ("lines", "pointer", "code"),
    [
        ([{"sku": "x", "quantity": "1", "amount": "-10.00"}], "/lines", "negative_total"),
        ([{"sku": "x", "quantity": "1"}], "/lines/0/amount", "no_price"),
        ([{"sku": "x", "quantity": "1", "amount": "10000000000000.01"}], "/lines/0/amount", "too_large"),
        ([{"sku": "x", "quantity": "1", "amount": "10000000000000.00"}] * 2, "/lines", "too_large"),
        (
            [{"sku": "x", "quantity": "1", "unit_price": "1", "discount": "-1.00"}],
            "/lines/0/discount",
            "negative_discount",
        ),
        ([{"sku": "x", "quantity": "999999999", "unit_price": "99999999"}], "/lines/0", "too_large"),
        ([{"sku": "x", "quantity": "99999", "unit_price": "99999999"}] * 2, "/lines", "too_large"),
        ([{"sku": "x", "quantity": "12", "unit_price": "0.83", "amount": "9.89"}], "/lines/0/amount", "amount_differs"),
    ],
)
async def test_an_amount_that_does_not_fit_is_rejected(
    interactions: ServiceUnderTest, lines: list[dict[str, Any]], pointer: str, code: str
) -> None:
    response = await interactions.post("/v1/purchases", a_purchase(lines=lines))
    (error,) = response.json()["errors"]
    assert (response.status_code, error["pointer"], error["code"]) == (422, pointer, code)


async def test_a_negative_total_is_rejected_with_the_way_to_record_it(interactions: ServiceUnderTest) -> None:
    lines = [{"sku": "tea", "quantity": "1", "amount": "2.00"}, {"sku": "bottle", "quantity": "9", "amount": "-2.25"}]
    response = await interactions.post("/v1/purchases", a_purchase(lines=lines))
    assert "POST /v1/purchases/{id}/refunds" in response.json()["errors"][0]["detail"]
    bottles = [{"sku": "tea", "quantity": "1", "amount": "2.25"}, lines[1]]
    returned = await interactions.post("/v1/purchases", a_purchase(lines=bottles))
    assert (returned.status_code, returned.json()["total"]["amount"]) == (201, "0.00")


async def test_an_amount_within_the_rounding_of_the_unit_price_is_stored_as_sent(
    interactions: ServiceUnderTest,
) -> None:
    lines = [{"sku": "tea", "quantity": "12", "unit_price": "0.83", "amount": "10.00"}]
    created = (await interactions.post("/v1/purchases", a_purchase(lines=lines))).json()
    assert (created["total"]["amount"], created["lines"][0]["amount"]) == ("10.00", "10.00")


@pytest.mark.parametrize(
    ("currency", "purchased_at", "status"),
    [
        ("BGN", "2025-06-01T10:00:00Z", 201),
        ("BGN", "2026-03-01T10:00:00Z", 422),
        ("HRK", "2022-12-31T10:00:00Z", 201),
        ("HRK", "2024-01-01T10:00:00Z", 422),
        ("XAU", "2026-03-01T10:00:00Z", 422),
    ],
)
async def test_a_withdrawn_currency_is_accepted_for_purchases_of_its_time(
    interactions: ServiceUnderTest, currency: str, purchased_at: str, status: int
) -> None:
    body = a_purchase(currency=currency, purchased_at=purchased_at)
    response = await interactions.post("/v1/purchases", body)
    assert response.status_code == status, response.text
    if status == 422:
        assert response.json()["errors"][0]["pointer"] == "/currency"
    else:
        refund = a_refund(amount="1.00")
        path = f"/v1/purchases/{response.json()['id']}/refunds"
        assert (await interactions.post(path, refund)).status_code == 201
