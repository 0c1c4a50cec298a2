"""E-mail addresses, phone numbers and postal addresses: their look-up forms, and the primary item of each list."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from typing_extensions import TypedDict

from chassis.types.codes import NO_DIGITS, NOT_AN_ADDRESS, FieldCode, invalid
from chassis.types.text import normalize_email, normalize_phone

ContactKind = Literal["email", "phone"]
ContactPoint = tuple[ContactKind, str]
"""An e-mail address or phone number in the form in which it is looked up."""
LOOKUP_FORMS = {"emails": "normal", "phones": "e164"}
"""The computed form of the items of a list."""
SEVERAL_PRIMARIES = FieldCode(
    "several_primaries",
    "More than one item of the list is marked as the primary one.",
    "Mark a single item, or none: the first is then the primary one.",
)


class EmailDocument(TypedDict):
    """An e-mail address as it is stored."""

    address: str
    label: str | None
    primary: bool
    normal: str


class PhoneDocument(TypedDict):
    """A phone number as it is stored."""

    number: str
    label: str | None
    primary: bool
    e164: str | None


class InvalidContact(ValueError):
    """A text that cannot be a phone number or an e-mail address. `location` is its JSON pointer."""

    def __init__(self, location: str, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.location = location
        self.code = code


class MayBePrimary(Protocol):
    """An item of a list that has a single primary item."""

    primary: bool | None


Item = TypeVar("Item", bound=MayBePrimary)


def mark_primary(items: list[Item]) -> list[Item]:
    """Mark a single item as the primary one: the first if none is. Raises ValueError if several are."""
    marked = [item for item in items if item.primary]
    if len(marked) > 1:
        raise invalid(SEVERAL_PRIMARIES, f"{len(marked)} items are marked as primary, and at most one may be")
    primary = next(iter(marked or items), None)
    for item in items:
        item.primary = item is primary
    return items


def without_forms(name: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the stored items of a list as a request contains them."""
    form = LOOKUP_FORMS[name]
    return [{key: value for key, value in item.items() if key != form} for item in items]


def with_forms(values: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return fields with the look-up forms of their e-mails and phones. Raises InvalidContact."""
    completed = {
        name: [_with_form(name, index, item, region) for index, item in enumerate(values[name])]
        for name in LOOKUP_FORMS
        if values.get(name)
    }
    return {**values, **completed}


def _with_form(name: str, index: int, item: Mapping[str, Any], region: str) -> dict[str, Any]:
    if name == "emails":
        try:
            return {**item, "normal": normalize_email(item["address"])}
        except ValueError as error:
            raise InvalidContact(f"/emails/{index}/address", NOT_AN_ADDRESS, str(error)) from None
    try:
        normal = normalize_phone(item["number"], region)
    except ValueError as error:
        raise InvalidContact(f"/phones/{index}/number", NO_DIGITS, str(error)) from None
    return {**item, "e164": normal if normal.startswith("+") else None}


def contact_points(emails: Sequence[EmailDocument], phones: Sequence[PhoneDocument]) -> list[ContactPoint]:
    """Return the look-up forms of stored e-mails and phones, each once. A number without E.164 form has its digits."""
    points: dict[ContactPoint, None] = {}
    for email in emails:
        points["email", email["normal"]] = None
    for phone in phones:
        points["phone", phone["e164"] or normalize_phone(phone["number"], None)] = None
    return list(points)


_MOBILE_FORMS = (
    # Brazil has put a 9 before the eight digits of mobile numbers. Many systems keep the former form.
    (re.compile(r"\+55(\d\d)9?([6-9]\d{7})"), r"+55\g<1>\g<2>", r"+55\g<1>9\g<2>"),
    # Argentina and Mexico: a digit for calls from abroad to a mobile. Mexico has abolished it, so it is not E.164.
    (re.compile(r"\+549?(\d{10})"), r"+54\g<1>", r"+549\g<1>"),
    (re.compile(r"(?:\+52|521)(\d{10})"), r"+52\g<1>", r"521\g<1>"),
)


def phone_forms(normal: str) -> tuple[str, ...]:
    """Return the forms in which a phone number is stored, the shortest first. Most numbers have a single one."""
    for pattern, *forms in _MOBILE_FORMS:
        match = pattern.fullmatch(normal)
        if match:
            return tuple(match.expand(form) for form in forms)
    return (normal,)


def all_forms(points: Sequence[ContactPoint]) -> list[ContactPoint]:
    """Return contact points, with every form of a phone number."""
    forms = {
        (kind, form): None
        for kind, normal in points
        for form in (phone_forms(normal) if kind == "phone" else (normal,))
    }
    return list(forms)
