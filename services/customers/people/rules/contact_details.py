"""The contact details of a customer, as events carry them. Plain values in, plain values out."""

from collections.abc import Iterable, Sequence
from typing import Any

from chassis.types.text import normalize_phone
from services.customers.people.rules.contacts import PhoneDocument
from services.customers.people.rules.profiles import NAMES, Values

COPIED = ("given_name", "family_name", "languages", "preferred_channel", "owner_id")
ADDRESS_FIELDS = ("country", "postal_code", "latitude", "longitude")
FIELDS = frozenset((*NAMES, *COPIED, "emails", "phones", "addresses"))
"""The fields of a record from which the contact details follow."""
_EMAIL_FIELDS = ("address", "normal", "primary")


def concerns(changed: Iterable[str]) -> bool:
    """Return whether a change of these fields may change the contact details."""
    return not FIELDS.isdisjoint(changed)


def contact_details(record: Values) -> dict[str, Any]:
    """Return the contact details of a record."""
    details = {name: record[name] for name in COPIED}
    details["name"] = name_to_use(record)
    details["emails"] = [{field: email[field] for field in _EMAIL_FIELDS} for email in record["emails"]]
    details["phones"] = [_phone(phone) for phone in record["phones"]]
    address = _primary(record["addresses"])
    for field in ADDRESS_FIELDS:
        details[field] = address.get(field)
    return details


def name_to_use(record: Values) -> str | None:
    """Return the name by which a customer is addressed: the preferred one, else the whole name, or None."""
    names = " ".join(name for name in (record["given_name"], record["family_name"]) if name)
    return record["preferred_name"] or names or record["name"] or None


def _phone(phone: PhoneDocument) -> dict[str, Any]:
    normal = phone["e164"] or normalize_phone(phone["number"], None)
    return {"number": phone["number"], "normal": normal, "primary": phone["primary"]}


def _primary(addresses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    # Addresses of before lists had a primary item have no mark.
    return max(addresses, key=lambda address: bool(address.get("primary")), default={})
