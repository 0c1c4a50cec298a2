"""The fields of a customer's record, as imports and exports see them."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from services.customers.people.customers.schemas import Customer, CustomerFields
from services.customers.transfer.rules.mapping import Shape


@cache
def shape() -> Shape:
    """Return the fields of a record, by their kind."""
    scalars, lists = {"kind": "text"}, set()
    objects: dict[str, dict[str, str]] = {}
    documents: dict[str, dict[str, str]] = {}
    for name, field in CustomerFields.model_fields.items():
        parts = list(_parts(field.annotation))
        model = next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if name == "custom":
            continue
        if model is None and list in parts:
            lists.add(name)
        elif model is None:
            scalars[name] = _type_of(field.annotation)
        else:
            types = {part: _type_of(each.annotation) for part, each in model.model_fields.items()}
            (objects if list in parts else documents)[name] = types
    return Shape(scalars, frozenset(lists), objects, documents)


@cache
def read_only_fields() -> frozenset[str]:
    """Return the fields of a record that no request sets."""
    return frozenset(Customer.model_fields.keys() - CustomerFields.model_fields.keys() - {"id", "kind"})


def _type_of(annotation: Any) -> str:
    """Return the type of a cell for an annotation."""
    parts = set(_parts(annotation))
    if bool in parts:
        return "boolean"
    if parts & {int, float}:
        return "number"
    is_complex = list in parts or any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts)
    return "json" if is_complex else "text"


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types in an annotation: those that Annotated, Union and list contain, and list itself."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    if get_origin(annotation) is list:
        yield list
    if isinstance(annotation, type) and get_origin(annotation) is None:
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)
