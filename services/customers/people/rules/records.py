"""The content of a customer's record, and the changes of an upsert. Plain values in, plain values out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import with_config
from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import NO_DIGITS, NOT_AN_ADDRESS, FieldCode
from chassis.types.documents import MAX_DOCUMENT_BYTES
from chassis.types.json import dumps, json_equal
from chassis.types.text import normalize_email, normalize_phone

CustomerKind = TypeAliasType("CustomerKind", Literal["person", "organization"])
Lifecycle = TypeAliasType("Lifecycle", Literal["prospect", "customer", "client", "former"])
CustomerState = TypeAliasType("CustomerState", Literal["active", "blocked", "ended", "merged", "erased"])
AccountKind = TypeAliasType(
    "AccountKind", Literal["customer", "prospect", "vendor", "partner", "intermediary", "competitor"]
)
ContactKind = Literal["email", "phone"]

Values = Mapping[str, Any]
"""Fields of a customer by name."""
ExternalKey = tuple[str, str]
"""An external id: the system, and its id of the customer."""
ContactPoint = tuple[ContactKind, str]
"""An e-mail address or phone number in the form in which it is looked up."""

LISTS = frozenset(("account_kinds", "emails", "phones", "addresses", "external_ids", "languages", "tags"))
DEFAULTS: dict[str, Any] = {name: [] for name in LISTS} | {"custom": {}, "lifecycle": "prospect"}
"""The values of fields about which nothing is known. All others are null."""
CUSTOM_TOO_LARGE = FieldCode(
    "custom_too_large",
    "The custom fields of the record would exceed 64 KiB in all.",
    "Remove fields by setting them to null. Store large documents in another system.",
)
IDENTIFYING = ("given_name", "family_name", "name", "emails", "phones", "external_ids")


class EmailDocument(TypedDict):
    """An e-mail address as it is stored."""

    address: str
    label: str | None


class PhoneDocument(TypedDict):
    """A phone number as it is stored."""

    number: str
    label: str | None


@with_config(title="ExternalReference", use_attribute_docstrings=True)
class ExternalIdDocument(TypedDict):
    """The id of a customer in another system."""

    source: str
    """The system that assigned the id."""
    id: str
    """The customer's id in that system."""


class InvalidContact(ValueError):
    """A text that cannot be a phone number or an e-mail address. `location` is its JSON pointer."""

    def __init__(self, location: str, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.location = location
        self.code = code


def with_defaults(values: Values, fields: Iterable[str]) -> dict[str, Any]:
    """Return all fields of a new record: those that are given, and defaults for the others."""
    return {name: _value(name, values.get(name)) for name in fields}


def is_identifiable(record: Values) -> bool:
    """Return whether the record identifies a customer: a name, an e-mail, a phone or an external id is enough."""
    return any(record.get(name) for name in IDENTIFYING)


def diff(current: Values, values: Values) -> dict[str, Any]:
    """Return the fields that an upsert changes.

    Absent fields stay, null fields are cleared, external ids are added to those that exist.
    """
    changes = {}
    for name, value in values.items():
        new = _value(name, value)
        if name == "external_ids":
            new = [*current[name], *(item for item in new if item not in current[name])]
        if not json_equal(new, current[name]):
            changes[name] = new
    return changes


def fits(custom: Mapping[str, Any]) -> bool:
    """Return whether custom fields are within their limit."""
    return not custom or len(dumps(custom)) <= MAX_DOCUMENT_BYTES


def contact_points(emails: Sequence[EmailDocument], phones: Sequence[PhoneDocument], region: str) -> list[ContactPoint]:
    """Return the look-up forms of e-mails and phones, each once. Raises InvalidContact."""
    points: dict[ContactPoint, None] = {}
    for index, email in enumerate(emails):
        try:
            points["email", normalize_email(email["address"])] = None
        except ValueError as error:
            raise InvalidContact(f"/emails/{index}/address", NOT_AN_ADDRESS, str(error)) from None
    for index, phone in enumerate(phones):
        try:
            points["phone", normalize_phone(phone["number"], region)] = None
        except ValueError as error:
            raise InvalidContact(f"/phones/{index}/number", NO_DIGITS, str(error)) from None
    return list(points)


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
