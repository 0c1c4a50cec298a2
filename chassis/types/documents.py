"""JSON documents of a client's own shape, such as custom fields: any JSON value that PostgreSQL stores exactly."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from chassis.types import json
from chassis.types.codes import NOT_STORABLE, invalid

MAX_DOCUMENT_BYTES = 65_536
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


def require_storable(document: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object that is stored as it is.

    Raises ValueError if it is larger than MAX_DOCUMENT_BYTES, contains a NUL or a lone surrogate, or an integer beyond
    64 bits, which readers would round.
    """
    _require_storable_value(document)
    if len(json.dumps(document)) > MAX_DOCUMENT_BYTES:
        raise invalid(NOT_STORABLE, f"must not be larger than {MAX_DOCUMENT_BYTES} bytes of JSON")
    return document


def _require_storable_value(value: Any) -> None:
    if isinstance(value, str):
        _require_storable_text(value)
    elif isinstance(value, dict):
        for name, child in value.items():
            _require_storable_text(name)
            _require_storable_value(child)
    elif isinstance(value, list):
        for child in value:
            _require_storable_value(child)
    elif isinstance(value, int) and not _MIN_INTEGER <= value <= _MAX_INTEGER:
        raise invalid(NOT_STORABLE, f"the integer {value} exceeds 64 bits; send it as a string")


def _require_storable_text(text: str) -> None:
    if "\0" in text:
        raise invalid(NOT_STORABLE, "must not contain a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid(NOT_STORABLE, "contains half of a surrogate pair, such as a cut emoji")


JsonObject = TypeAliasType(
    "JsonObject",
    Annotated[
        dict[str, Any],
        AfterValidator(require_storable),
        Field(description="A JSON object of at most 65,536 bytes."),
    ],
)
"""A JSON object of a request."""
