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


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal; to Python alone, true is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)
