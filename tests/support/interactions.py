"""Bodies and events for the tests of interactions. All values are valid. A test names only the fields that it needs."""

from collections.abc import Sequence
from typing import Any

from chassis.types.ids import uuid7
from chassis.types.text import normalize_email, normalize_phone


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


def a_status(status: str | None = "shipped", **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/purchases/{id}/status-changes."""
    body = {"source": "warehouse", "source_id": str(uuid7()), "changed_at": "2026-03-02T10:00:00Z"}
    return body | ({"status": status} if status else {}) | fields


def an_exchange(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/purchases/{id}/exchanges: 1.00 goes back for a cup of 3.00."""
    part = {} if "lines" in fields else {"amount": "1.00"}
    replacement = {"lines": [{"sku": "cup", "quantity": "1", "amount": "3.00"}]}
    body = {"source": "till", "source_id": str(uuid7()), "exchanged_at": "2026-03-02T10:00:00Z"}
    return body | part | {"replacement": replacement} | fields


def customer_created(customer_id: object, *, version: int = 1, **fields: Any) -> dict[str, Any]:
    """Return the event of a customer, as the customers service publishes it."""
    data: dict[str, Any] = {
        "customer_id": str(customer_id),
        "external_ids": [],
        "version": version,
        "kind": "person",
        "lifecycle": "prospect",
        "state": "active",
        "contact": a_contact(),
        "created_at": "2026-03-01T10:00:00Z",
    }
    return {"type": "customers.customer_created.v1", "key": customer_id, "data": data | fields}


def customer_updated(customer_id: object, version: int, **fields: Any) -> dict[str, Any]:
    """Return the event of a change, which contains no contact details unless they are given."""
    fact = customer_created(customer_id, version=version, **{"contact": None, "archived_at": None, **fields})
    return fact | {"type": "customers.customer_updated.v1"}


def customer_removed(customer_id: object) -> dict[str, Any]:
    """Return the event of a record that was removed."""
    data = {"customer_id": str(customer_id), "external_ids": [], "removed_at": "2026-03-01T10:00:00Z"}
    return {"type": "customers.customer_removed.v1", "key": customer_id, "data": data}


def a_contact(*emails: str, phones: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """Return contact details. The first e-mail address and the first phone number are the primary ones."""
    names = ("name", "given_name", "family_name", "preferred_channel", "owner_id")
    places = ("country", "postal_code", "latitude", "longitude")
    contact: dict[str, Any] = dict.fromkeys((*names, *places)) | {"languages": []}
    contact["emails"] = [
        {"address": address, "normal": normalize_email(address), "primary": number == 0}
        for number, address in enumerate(emails)
    ]
    contact["phones"] = [
        {"number": phone, "normal": normalize_phone(phone, "NL"), "primary": number == 0}
        for number, phone in enumerate(phones)
    ]
    return contact | fields


def consent(
    decision: str, customer_id: object, at: str = "2026-03-01T10:00:00Z", *, purpose: str = "newsletter", **fields: Any
) -> dict[str, Any]:
    """Return the event of a decision: granted, withdrawn or requested."""
    moment = "requested_at" if decision == "requested" else "decided_at"
    data: dict[str, Any] = {
        "customer_id": str(customer_id),
        "external_ids": [],
        "receipt_id": str(uuid7()),
        "purpose": purpose,
        "channel": "email",
        "expires_at": None,
        moment: at,
    }
    return {"type": f"customers.consent_{decision}.v1", "key": customer_id, "data": data | fields}
