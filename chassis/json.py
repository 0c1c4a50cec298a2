"""JSON in and out, by orjson: exact, quick, and strict about what is not JSON."""

from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, PlainSerializer, WrapSerializer

JSONDecodeError = orjson.JSONDecodeError
loads = orjson.loads
"""The value of a JSON document. Raises JSONDecodeError."""


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):  # asyncpg's own kind, which orjson does not know
        return str(value)
    if isinstance(value, BaseModel):
        return value.__dict__ if _is_its_fields(type(value)) else value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} is no JSON")


@cache
def _is_its_fields(model: type[BaseModel]) -> bool:
    """Whether a model's JSON is its fields as they stand: nothing extra, no alias, no serializer of its own."""
    made = model.__pydantic_decorators__
    fields = model.model_fields.values()
    metadata = [mark for field in fields for mark in field.metadata]
    return not (
        model.model_config.get("extra") == "allow"
        or made.field_serializers
        or made.model_serializers
        or made.computed_fields
        or any(field.alias or field.serialization_alias for field in fields)
        or any(isinstance(mark, (PlainSerializer, WrapSerializer)) for mark in metadata)
    )


def dumps(value: Any) -> bytes:
    """Compact JSON; UUIDs, times and decimals as strings, times in UTC with a Z, models as their fields.

    A model's parts may be models or what JSON itself is made of: documents are shown as they are stored.
    """
    return orjson.dumps(value, default=_other, option=orjson.OPT_UTC_Z)


def dump_text(value: Any) -> str:
    """The same as text."""
    return dumps(value).decode()


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are equal; to Python alone, true is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)
