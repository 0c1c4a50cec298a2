"""Breaking changes: the document still serves the clients of the last release, and the comparison detects each kind."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.openapi_changes import breaking_changes, last_document


def test_the_clients_of_the_last_release_are_served(openapi: dict[str, Any]) -> None:
    """Publish a changed operation or event beside the old one, or increase the version of the API."""
    assert breaking_changes(last_document(), openapi) == []


Document = dict[str, Any]


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def fields(document: Document, name: str) -> Document:
    found: Document = schema(document, name)["properties"]
    return found


def create_customer(document: Document) -> Document:
    found: Document = document["paths"]["/v1/customers"]["post"]
    return found


def list_customers(document: Document) -> Document:
    found: Document = document["paths"]["/v1/customers"]["get"]
    return found


BREAKS: dict[str, tuple[Callable[[Document], Any], str]] = {
    "an operation": (lambda d: d["paths"]["/v1/customers"].pop("post"), "POST /v1/customers was removed"),
    "a path": (lambda d: d["paths"].pop("/v1/status"), "GET /v1/status was removed"),
    "the name of an operation": (
        lambda d: create_customer(d).update(operationId="add_customer"),
        "operationId changed",
    ),
    "a scope": (lambda d: create_customer(d).update({"x-scope": "customers:create"}), "x-scope changed"),
    "a parameter": (lambda d: list_customers(d)["parameters"].pop(), "the parameter updated_at.lt was removed"),
    "a required parameter": (lambda d: list_customers(d)["parameters"][0].update(required=True), "is required"),
    "a limit of a parameter": (
        lambda d: next(p for p in list_customers(d)["parameters"] if p["name"] == "limit")["schema"].update(
            maximum=100
        ),
        "the parameter limit has another maximum",
    ),
    "a success": (lambda d: create_customer(d)["responses"].pop("201"), "the response 201 was removed"),
    "a header": (lambda d: create_customer(d)["responses"]["201"]["headers"].pop("ETag"), "lost the header ETag"),
    "a field of a request": (lambda d: fields(d, "CustomerCreate").pop("area"), "CustomerCreate.area was removed"),
    "a field of a response": (lambda d: fields(d, "Customer").pop("area"), "Customer.area was removed"),
    "a new required field": (
        lambda d: schema(d, "CustomerCreate")["required"].append("name"),
        "CustomerCreate.name is",
    ),
    "a field that may be absent": (
        lambda d: schema(d, "Customer")["required"].remove("id"),
        "Customer.id may be absent",
    ),
    "a type": (lambda d: fields(d, "Customer")["version"].update(type="string"), "Customer.version has another type"),
    "a field that may be null": (
        lambda d: fields(d, "Customer").update(id={"anyOf": [fields(d, "Customer")["id"], {"type": "null"}]}),
        "Customer.id may be null",
    ),
    "a value of a vocabulary": (
        lambda d: schema(d, "CustomerKind")["enum"].remove("person"),
        "no longer accepts person",
    ),
    "a pattern": (lambda d: fields(d, "PurchaseLineCreate")["quantity"].update(pattern="^[0-9]$"), "another pattern"),
    "an error code": (lambda d: d["x-problems"].pop("not_found"), "not_found was removed from x-problems"),
    "a webhook": (lambda d: d["webhooks"].popitem(), "was removed"),
    "a field of an event": (lambda d: fields(d, "PointsEarned").pop("points"), "PointsEarned.points was removed"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_breaking_change_is_detected(openapi: dict[str, Any], case: str) -> None:
    change, text = BREAKS[case]
    changed = copy.deepcopy(openapi)
    change(changed)
    found = breaking_changes(openapi, changed)
    assert any(text in each for each in found), found


def test_a_component_that_is_gone_is_detected(openapi: dict[str, Any]) -> None:
    """Clients in typed languages have a class of its name."""
    components = openapi["components"] | {"schemas": openapi["components"]["schemas"] | {"Old": {}}}
    assert breaking_changes(openapi | {"components": components}, openapi) == ["the component Old was removed"]


ADDITIONS: dict[str, Callable[[Document], Any]] = {
    "nothing": lambda d: None,
    "an operation": lambda d: d["paths"].update({"/v1/new": d["paths"]["/v1/status"]}),
    "an optional parameter": lambda d: list_customers(d)["parameters"].append(
        {"name": "x", "schema": {}, "in": "query"}
    ),
    "an optional field of a request": lambda d: fields(d, "CustomerCreate").update(new={"type": "string"}),
    "a field of a response": lambda d: fields(d, "Customer").update(new={"type": "string"}),
    "a value of a vocabulary": lambda d: schema(d, "CustomerState")["enum"].append("archived"),
    "a higher limit": lambda d: fields(d, "PurchaseCreate")["lines"].update(maxItems=10_000),
    "an error": lambda d: create_customer(d)["responses"].update({"418": {"description": "new"}}),
    "prose": lambda d: fields(d, "Customer")["id"].update(description="new"),
}


@pytest.mark.parametrize("case", ADDITIONS)
def test_an_addition_is_not_a_break(openapi: dict[str, Any], case: str) -> None:
    changed = copy.deepcopy(openapi)
    ADDITIONS[case](changed)
    assert breaking_changes(openapi, changed) == []
