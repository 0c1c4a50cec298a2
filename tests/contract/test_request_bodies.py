"""The bodies of all requests: texts are cleaned or refused, documents can be stored, and misspellings are noticed."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from chassis.core.field_errors import did_you_mean
from chassis.http.route import FeatureRoute
from chassis.service import Service, load
from local import PROCESSES

ODD_TEXTS = ["a\0b", "\ud83d", "a\ud83db", "\x1b[31m", "\u200b", "x" * 1_000_001]


def routes_with_bodies() -> Iterator[FeatureRoute]:
    services: list[Service] = [load(name) for name in PROCESSES]
    return (route for service in services for route in service.routes if route.has_body)


def models_in(annotation: Any) -> set[type[BaseModel]]:
    """Return the models of a type, and those of their fields."""
    models: set[type[BaseModel]] = set()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        models.add(annotation)
        for field in annotation.model_fields.values():
            models |= models_in(field.annotation)
    for part in get_args(annotation):
        models |= models_in(part)
    return models


BODIES = sorted(
    {
        model
        for route in routes_with_bodies()
        if route.body_field is not None
        for model in models_in(route.body_field.field_info.annotation)
    },
    key=lambda model: f"{model.__module__}.{model.__name__}",
)
FIELDS = [(model, name, field) for model in BODIES for name, field in model.model_fields.items()]


def accepted(field: FieldInfo, value: Any) -> Any:
    """Return a value as the field accepts it. Raises ValidationError."""
    annotated: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(annotated).validate_python(value)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value.items() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        yield from texts_in(child)


@pytest.mark.parametrize(
    ("model", "name", "field"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name, _ in FIELDS]
)
def test_whatever_a_field_accepts_can_be_stored(model: type[BaseModel], name: str, field: FieldInfo) -> None:
    for text in ODD_TEXTS:
        for value in (text, [text], {"a": text}, {text: 1}):
            try:
                stored = accepted(field, value)
            except ValidationError:
                continue
            for each in texts_in(stored):
                assert "\0" not in each, f"{name}: {value!a}"
                assert each.encode().decode() == each, f"{name}: {value!a}"
                assert len(each) <= 100_000, name
    for number in (89314404000123456789, -(2**63) - 1):
        with pytest.raises(ValidationError):
            accepted(field, {"a": number})


SCALARS = {"integer": (True, "1", 1.5), "number": (True, "1"), "boolean": (1, "true"), "string": (1, True)}


@pytest.mark.parametrize(
    ("model", "name", "field"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name, _ in FIELDS]
)
def test_a_value_of_another_json_type_is_rejected(model: type[BaseModel], name: str, field: FieldInfo) -> None:
    """The document declares the type, and a client in a language without types would notice nothing."""
    annotated: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    schema = TypeAdapter(annotated).json_schema()
    alternatives = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    for value in SCALARS.get(alternatives[0].get("type", ""), ()) if len(alternatives) == 1 else ():
        with pytest.raises(ValidationError):
            accepted(field, value)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_a_misspelt_field_gets_the_closest(model: type[BaseModel]) -> None:
    names = list(model.model_fields)
    for name in names:
        camel = "".join(part.capitalize() if index else part for index, part in enumerate(name.split("_")))
        for misspelt in (camel, name + "s", name[:-1]):
            if misspelt not in names and len(name) > 4:
                assert did_you_mean(misspelt, names), f"{model.__name__}.{misspelt}"
