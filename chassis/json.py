"""JSON in and out, by orjson: exact, quick, and strict about what is not JSON."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

JSONDecodeError = orjson.JSONDecodeError


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):  # asyncpg's own kind, which orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def dumps(value: Any) -> bytes:
    """Compact JSON; UUIDs, times and decimals as strings, times in UTC with a Z."""
    return orjson.dumps(value, default=_other, option=orjson.OPT_UTC_Z)


def dump_text(value: Any) -> str:
    """The same as text."""
    return dumps(value).decode()


def loads(document: bytes | str) -> Any:
    """The value of a JSON document. Raises JSONDecodeError."""
    return orjson.loads(document)
