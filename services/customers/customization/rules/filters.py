"""The values of filters on custom fields, as they are written in a URL."""

from typing import Any

from chassis.types.codes import NOT_A_DATE, NOT_ONE_OF, TOO_LONG, UNKNOWN_PARAMETER, WRONG_FORMAT, FieldCode
from services.customers.customization.rules.custom_fields import (
    MAX_INDEXED_LENGTH,
    Definition,
    explain_misfit,
    is_id,
)

COMPARISONS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
"""The comparisons of numbers and dates."""


class InvalidFilter(ValueError):
    """A filter that a field cannot have."""

    def __init__(self, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def filter_value(field: Definition, comparison: str, text: str) -> Any:
    """Return the JSON value with which the values of a field are compared. Raises InvalidFilter."""
    if comparison == "exists":
        return _boolean(text)
    if comparison:
        if comparison not in COMPARISONS:
            raise InvalidFilter(UNKNOWN_PARAMETER, f"{comparison} is not one of: gte, gt, lte, lt, exists")
        if field.type not in ("number", "date"):
            raise InvalidFilter(UNKNOWN_PARAMETER, f"a {field.type} has no order; only numbers and dates have bounds")
    if field.type == "number":
        misfit = explain_misfit(field, text or " ")
        if misfit is not None:
            raise InvalidFilter(*misfit)
        return text
    if field.type == "date":
        if explain_misfit(field, text or " ") is not None:
            raise InvalidFilter(NOT_A_DATE, "a date that exists is expected, such as 2026-03-01")
        return text
    return _boolean(text) if field.type == "boolean" else _text(field, text)


def _text(field: Definition, text: str) -> str:
    if field.type == "reference" and not is_id(text):
        raise InvalidFilter(WRONG_FORMAT, "the id of a customer is expected")
    if field.type == "choice" and text.casefold() not in (option["value"].casefold() for option in field.options):
        raise InvalidFilter(NOT_ONE_OF, f"must be one of: {', '.join(option['value'] for option in field.options)}")
    if len(text) > MAX_INDEXED_LENGTH:
        raise InvalidFilter(TOO_LONG, f"must have at most {MAX_INDEXED_LENGTH} characters")
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidFilter(NOT_ONE_OF, "must be one of: true, false")
    return text == "true"
