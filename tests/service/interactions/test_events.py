"""The events of interactions: they have the facts that stock and bookkeeping need, and no text about a person."""

from typing import Any

from tests.support.facts import a_purchase
from tests.support.service import ServiceUnderTest

LINES = [
    {"sku": "tea", "category": "drinks", "quantity": "2", "unit_price": "2.50"},
    {"sku": "cup", "quantity": "1", "unit_price": "4.00"},
]
SOLD = {"channel": "shop", "store": "Amsterdam", "sold_through": "partner"}


def a_refund(**fields: Any) -> dict[str, Any]:
    refund = {"source": "till", "source_id": "refund-1", "refunded_at": "2026-03-05T10:00:00Z"}
    return refund | {"lines": [{"number": 1, "quantity": "1"}, {"number": 2, "amount": "1.00"}]} | fields


def assert_complete(event: dict[str, Any], purchase: dict[str, Any]) -> None:
    """Assert that the event of the refund above can be booked without a request."""
    assert event["lines"] == [
        {"number": 1, "sku": "tea", "category": "drinks", "quantity": "1", "amount": "2.50"},
        {"number": 2, "sku": "cup", "category": None, "quantity": None, "amount": "1.00"},
    ]
    assert (event["source"], event["source_id"]) == ("till", "refund-1")
    assert (event["purchase_source"], event["purchase_source_id"]) == (purchase["source"], purchase["source_id"])
    assert {name: event[name] for name in SOLD} == SOLD


async def test_a_refund_is_complete(interactions: ServiceUnderTest) -> None:
    purchase = (await interactions.post("/v1/purchases", a_purchase(lines=LINES, **SOLD))).json()
    refund = (await interactions.post(f"/v1/purchases/{purchase['id']}/refunds", a_refund())).json()
    _, event = await interactions.published()
    assert_complete(event.data, purchase)
    assert event.data["recorded_at"] == refund["recorded_at"]


async def test_a_refund_that_waited_for_its_purchase_is_complete(interactions: ServiceUnderTest) -> None:
    body = a_purchase(lines=LINES, **SOLD)
    named = {"purchase": {"source": body["source"], "source_id": body["source_id"]}}
    assert (await interactions.post("/v1/refunds", a_refund(**named))).status_code == 202
    purchase = (await interactions.post("/v1/purchases", body)).json()
    await interactions.run_periodic_tasks()
    event = (await interactions.published())[-1]
    assert event.type == "interactions.purchase_refunded.v1"
    assert_complete(event.data, purchase)


async def test_a_touch_point_names_its_source_but_not_its_texts(interactions: ServiceUnderTest) -> None:
    body = {
        "source": "desk",
        "source_id": "call-7",
        "author": {"handle": "ada", "display_name": "Ada Lovelace"},
        "channel": "phone",
        "direction": "inbound",
        "subject": "Ada complains",
        "body": "The cup is broken.",
        "occurred_at": "2026-03-01T10:00:00Z",
    }
    point = (await interactions.post("/v1/touch-points", body)).json()
    (event,) = await interactions.published()
    assert {name: event.data[name] for name in ("source", "source_id", "recorded_at", "touch_point_id")} == {
        "source": "desk",
        "source_id": "call-7",
        "recorded_at": point["recorded_at"],
        "touch_point_id": point["id"],
    }
    assert [text for text in ("Ada", "ada", "broken") if text in str(event.data)] == []
