"""The content of a customer's record, and the changes of an upsert. Plain values in, plain values out."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import with_config
from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import FieldCode
from chassis.types.documents import MAX_DOCUMENT_BYTES
from chassis.types.json import dumps, json_equal
from services.customers.people.rules.contacts import LOOKUP_FORMS, without_forms
from services.customers.people.rules.profiles import NAMES, Values

CustomerKind = TypeAliasType("CustomerKind", Literal["person", "organization"])
AccountKind = TypeAliasType(
    "AccountKind", Literal["customer", "prospect", "vendor", "partner", "intermediary", "competitor"]
)
ExternalKey = tuple[str, str]
"""An external id: the system, and its id of the customer."""

LISTS = (
    *("account_kinds", "emails", "phones", "addresses", "external_ids", "languages", "tags"),
    *("needs", "interests", "social_profiles"),
)
DEFAULTS: dict[str, Any] = {name: [] for name in LISTS} | {"custom": {}, "lifecycle": "prospect", "strategic": False}
"""The values of fields about which nothing is known. All others are null."""
CUSTOM_TOO_LARGE = FieldCode(
    "custom_too_large",
    "The custom fields of the record would exceed 64 KiB in all.",
    "Remove fields by setting them to null. Store large documents in another system.",
)
IDENTIFYING = (*NAMES, "emails", "phones", "external_ids")


@with_config(title="ExternalReference", use_attribute_docstrings=True)
class ExternalIdDocument(TypedDict):
    """The id of a customer in another system."""

    source: str
    """The system that assigned the id."""
    id: str
    """The customer's id in that system."""


def with_defaults(values: Values, fields: Iterable[str]) -> dict[str, Any]:
    """Return all fields of a new record: those that are given, and defaults for the others."""
    return {name: _value(name, values.get(name)) for name in fields}


def is_identifiable(record: Values) -> bool:
    """Return whether the record identifies a customer: a name, an e-mail, a phone or an external id is enough."""
    return any(record.get(name) for name in IDENTIFYING)


def diff(current: Values, values: Values, *, adds_external_ids: bool = True) -> dict[str, Any]:
    """Return the fields that a request changes.

    Absent fields stay, null fields are cleared, and the external ids of an upsert are added to those that exist.
    """
    changes = {}
    for name, value in values.items():
        new, old = _value(name, value), current[name]
        if name == "external_ids" and adds_external_ids:
            new = [*old, *(item for item in new if item not in old)]
        if not json_equal(new, without_forms(name, old) if name in LOOKUP_FORMS else old):
            changes[name] = new
    return changes


def fits(custom: Mapping[str, Any]) -> bool:
    """Return whether custom fields are within their limit."""
    return not custom or len(dumps(custom)) <= MAX_DOCUMENT_BYTES


def external_keys(external_ids: Iterable[ExternalIdDocument]) -> list[ExternalKey]:
    """Return external ids as (source, id)."""
    return [(item["source"], item["id"]) for item in external_ids]


def possible_keys(text: str) -> list[ExternalKey]:
    """Return every reading of `source:id`, of which both parts may contain colons."""
    colons = [at for at, character in enumerate(text) if character == ":"]
    return [(text[:at], text[at + 1 :]) for at in colons if 0 < at < len(text) - 1]


def _value(name: str, value: Any) -> Any:
    if value is not None:
        return value
    default = DEFAULTS.get(name)
    return type(default)(default) if default is not None else None
