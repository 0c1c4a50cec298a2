"""Events of other services and request bodies with default values: a test names only the fields that it needs."""

from typing import Any
from uuid import UUID

from chassis.types.ids import uuid7


def a_customer(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/customers."""
    return {"kind": "person", "given_name": "Ada", **fields}


def known_as(id: str, source: str = "till") -> dict[str, Any]:
    """Return the field with a customer's id in another system."""
    return {"external_ids": [{"source": source, "id": id}]}


def a_purchase(customer_id: UUID | str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/purchases."""
    body = {
        "customer_id": str(customer_id or uuid7()),
        "source": "till",
        "source_id": str(uuid7()),
        "purchased_at": "2026-03-01T10:00:00Z",
        "currency": "EUR",
        "lines": [{"sku": "tea", "quantity": "2", "unit_price": "2.50"}],
    }
    return body | fields


def purchase_recorded(
    amount: str,
    customer_id: UUID | str | None = None,
    *,
    at: str = "2026-03-01T10:00:00Z",
    currency: str = "EUR",
    purchase_id: UUID | None = None,
    **envelope: Any,
) -> dict[str, Any]:
    """Return a purchase, as interactions publishes it."""
    customer = str(customer_id or uuid7())
    data = {
        "purchase_id": str(purchase_id or uuid7()),
        "customer_id": customer,
        "source": "till",
        "source_id": str(uuid7()),
        "purchased_at": at,
        "recorded_at": at,
        "total": {"amount": amount, "currency": currency},
        "channel": None,
        "store": None,
        "sold_through": None,
        "lines": [],
    }
    return {"type": "interactions.purchase_recorded.v1", "key": customer, "data": data, **envelope}


def a_program(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/programs."""
    body = {"name": "Club", "kind": "frequency", "currency": "EUR", "timezone": "Europe/Amsterdam"}
    return body | {"enrolment": "on_purchase"} | fields


def a_rule(points: int = 1, per: str = "1.00", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/programs/{id}/earning-rules."""
    return {"kind": "per_amount", "points": points, "per": per, **fields}


def a_pipeline(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/pipelines."""
    stages = [{"name": "Talks"}, {"name": "Won", "kind": "won"}, {"name": "Lost", "kind": "lost"}]
    return {"name": "Wholesale", "stages": stages, **fields}


def a_product(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/products."""
    return {"sku": str(uuid7()), "name": "Kettle, 2 litres", "category": "kitchen", **fields}
