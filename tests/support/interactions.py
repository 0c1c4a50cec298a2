"""Bodies and events for the tests of interactions. All values are valid. A test names only the fields that it needs."""

from typing import Any

from chassis.types.ids import uuid7


def a_touch_point(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/touch-points."""
    body: dict[str, Any] = {
        "source": "mail",
        "source_id": str(uuid7()),
        "channel": "email",
        "direction": "inbound",
        "occurred_at": "2026-03-01T10:00:00Z",
        "subject": "A question",
    }
    return body | ({"customer_id": str(customer_id)} if customer_id else {}) | fields


def a_refund(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/purchases/{id}/refunds."""
    return {"source": "till", "source_id": str(uuid7()), "refunded_at": "2026-03-02T10:00:00Z", **fields}


def a_refund_of_line(number: int, **fields: Any) -> dict[str, Any]:
    """Return a body for a refund of a single line."""
    return a_refund(lines=[{"number": number, **fields}])


def a_refund_by_source(purchase: str, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/refunds, of the purchase with this source id."""
    return a_refund(purchase={"source": "till", "source_id": purchase}, **fields)


def customer_created(customer_id: object) -> dict[str, Any]:
    """Return the event of a customer, as the customers service publishes it."""
    data = {"customer_id": str(customer_id)}
    return {"type": "customers.customer_created.v1", "key": customer_id, "data": data}
