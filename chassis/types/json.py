"""JSON by orjson: exact, fast and strict."""

import json as stdlib_json
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, PlainSerializer, WrapSerializer

JSONDecodeError = orjson.JSONDecodeError
loads = orjson.loads
"""Return the value of a JSON document. Raises JSONDecodeError."""
Written = orjson.Fragment
"""A value that is JSON already. `dumps` copies its text unchecked."""


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):  # asyncpg's own subclass, which orjson does not recognize
        return str(value)
    if isinstance(value, BaseModel):
        return value.__dict__ if is_plain(type(value)) else value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} cannot be represented in JSON")


@cache
def is_plain(model: type[BaseModel]) -> bool:
    """Return whether a model's JSON is its `__dict__`: no extra fields, aliases or serializers."""
    decorators = model.__pydantic_decorators__
    fields = model.model_fields.values()
    metadata = [item for field in fields for item in field.metadata]
    return not (
        model.model_config.get("extra") == "allow"
        or decorators.field_serializers
        or decorators.model_serializers
        or decorators.computed_fields
        or any(field.alias or field.serialization_alias for field in fields)
        or any(isinstance(item, (PlainSerializer, WrapSerializer)) for item in metadata)
    )


def dumps(value: Any) -> bytes:
    """Return compact JSON. UUIDs, times and decimals become strings (times in UTC with a Z), models their fields.

    The parts of a model may be models or plain JSON values: a document read from the database is written as stored.
    """
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:  # orjson writes integers of up to 64 bits, and a sum of counts may be larger
        return orjson.dumps(_with_large_integers(value), default=_default, option=orjson.OPT_UTC_Z)


def _with_large_integers(value: Any) -> Any:
    """Return a value whose integers beyond 64 bits are written already."""
    if isinstance(value, BaseModel):
        value = _default(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return Written(str(value))
    if isinstance(value, dict):
        return {name: _with_large_integers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_large_integers(item) for item in value]
    return value


def dumps_str(value: Any) -> str:
    """Return `dumps(value)` as text."""
    return dumps(value).decode()


def canonical(value: Any) -> bytes:
    """Return the same bytes for equal JSON values: names sorted, no blanks."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return stdlib_json.dumps(value, sort_keys=True).encode()


def json_equal(first: Any, second: Any) -> bool:
    """Return whether two JSON values are equal. Python alone would take `true` for 1."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(json_equal(value, second[name]) for name, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(json_equal, first, second))
    return bool(first == second) and isinstance(first, bool) is isinstance(second, bool)
