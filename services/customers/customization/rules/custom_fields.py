"""The values of custom fields: which of them fit a definition.

The database function `custom_value_fits` has the same rules for the values of existing records.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from typing_extensions import TypeAliasType

from chassis.types.codes import (
    NOT_A_DATE,
    NOT_ONE_OF,
    REQUIRED,
    TOO_LONG,
    TOO_MANY_DIGITS,
    WRONG_FORMAT,
    WRONG_TYPE,
    FieldCode,
)
from chassis.types.json import json_equal

RecordKind = TypeAliasType("RecordKind", Literal["customer", "deal"])
CustomFieldType = TypeAliasType("CustomFieldType", Literal["text", "number", "date", "choice", "boolean", "reference"])
CustomFieldState = TypeAliasType("CustomFieldState", Literal["building", "ready"])

NAME_PATTERN = "^[a-z][a-z0-9_]{0,62}$"
MAX_TEXT_LENGTH = 10_000
MAX_INDEXED_LENGTH = 255
"""Maximum characters of a text that is indexed or unique."""
MAX_WHOLE_DIGITS, MAX_DECIMALS = 18, 10
FLOAT_DIGITS = 15
"""A JSON number with more significant digits may have been rounded before it arrived."""
UNIQUE_TYPES = frozenset(("text", "number", "date", "reference"))

UNDEFINED_FIELD = FieldCode(
    "undefined_field",
    "The tenant has not defined a custom field with this name.",
    "Check the spelling, or define the field with POST /v1/custom-fields.",
)
OPTION_RETIRED = FieldCode(
    "option_retired",
    "The option of the custom field is retired. Records that have it keep it.",
    "Send another option.",
)

_NUMBER = re.compile(rf"-?[0-9]{{1,{MAX_WHOLE_DIGITS}}}(?:\.[0-9]{{1,{MAX_DECIMALS}}})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Misfit = tuple[FieldCode, str]
"""The reason why a value does not fit: its code, and what to send instead."""


class Definition(Protocol):
    """The part of a custom field's definition by which its values are checked."""

    name: str
    type: CustomFieldType
    required: bool
    indexed: bool
    options: list[dict[str, Any]]


def is_absent(value: Any) -> bool:
    """Return whether a value means that nothing is known."""
    return value is None or value == ""


def is_id(value: Any) -> bool:
    """Return whether a value is the text of a UUID."""
    if not isinstance(value, str):
        return False
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def misfits(
    fields: Iterable[Definition],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    *,
    allows_undefined: bool = True,
) -> dict[str, Misfit]:
    """Return the reason for each changed value that does not fit, by the name of its field.

    `before` is None for a new record. A stored value that does not fit is kept until a request changes it.
    """
    found: dict[str, Misfit] = {}
    names = set()
    for field in fields:
        names.add(field.name)
        old, new = (before or {}).get(field.name), after.get(field.name)
        if before is not None and json_equal(old, new):
            continue
        misfit = explain_misfit(field, new)
        if misfit is not None:
            found[field.name] = misfit
    if not allows_undefined:
        for name in after.keys() - names:
            if not json_equal((before or {}).get(name), after[name]):
                found[name] = (UNDEFINED_FIELD, f"{name} is not a defined custom field")
    return found


def explain_misfit(field: Definition, value: Any) -> Misfit | None:
    """Return the reason why a value does not fit a field, or None if it does."""
    if is_absent(value):
        return (REQUIRED, "is required") if field.required else None
    if field.type == "text":
        return _explain_text(value, MAX_INDEXED_LENGTH if field.indexed else MAX_TEXT_LENGTH)
    if field.type == "number":
        return _explain_number(value)
    if field.type == "date":
        return None if _is_date(value) else (NOT_A_DATE, "a date that exists is expected, such as 2026-03-01")
    if field.type == "boolean":
        return None if isinstance(value, bool) else (WRONG_TYPE, "true or false is expected")
    if field.type == "reference":
        return None if is_id(value) else (WRONG_FORMAT, "the id of a customer is expected")
    return _explain_choice(field, value)


def _explain_text(value: Any, limit: int) -> Misfit | None:
    if not isinstance(value, str):
        return WRONG_TYPE, "a string is expected"
    return (TOO_LONG, f"must have at most {limit} characters") if len(value) > limit else None


def _explain_number(value: Any) -> Misfit | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return WRONG_TYPE, 'a number is expected, or a decimal string such as "12.50"'
    if isinstance(value, float):
        number = Decimal(repr(value))
        if len(number.as_tuple().digits) > FLOAT_DIGITS:
            return TOO_MANY_DIGITS, f"send a number of more than {FLOAT_DIGITS} digits as a string, so that it is exact"
        text = format(number, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = str(value)
    if _NUMBER.fullmatch(text):
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", text):
        return WRONG_FORMAT, 'a number is expected, or a decimal string such as "12.50"'
    return TOO_MANY_DIGITS, f"must have at most {MAX_WHOLE_DIGITS} whole digits and {MAX_DECIMALS} decimals"


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _explain_choice(field: Definition, value: Any) -> Misfit | None:
    option = next((option for option in field.options if option["value"] == value), None)
    if option is None:
        current = ", ".join(option["value"] for option in field.options if not option["retired"])
        return NOT_ONE_OF, f"must be one of: {current}"
    if option["retired"]:
        return OPTION_RETIRED, f"{value} is a retired option"
    return None
