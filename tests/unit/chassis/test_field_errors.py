"""Texts of invalid values: our own, with the value to send instead."""

from datetime import date
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import Field, ValidationError
from pydantic_core.core_schema import ErrorType

from chassis import AmountText, Currency, FieldCode, Instant, Line, RequestBody, Resource
from chassis.core.field_errors import FieldError, did_you_mean, field_errors
from chassis.core.problems import ValidationFailed, from_validation


class Mail(RequestBody):
    address: Line
    label: Line | None = None


class Sale(RequestBody):
    given_name: Line | None = None
    emails: list[Mail] | None = None
    at: Instant | None = None
    day: date | None = None
    amount: AmountText | None = None
    currency: Currency | None = None
    stage: Literal["new", "old"] | None = None
    count: int | None = None
    custom: dict[str, Annotated[int, Field(strict=True)]] | None = None


class SaleRead(Resource):
    id: int
    given_name: str | None


def errors_of(**values: Any) -> list[FieldError]:
    with pytest.raises(ValidationError) as invalid:
        Sale.model_validate(values)
    return field_errors(invalid.value.errors(), "body", body=Sale, resource=SaleRead)


@pytest.mark.parametrize(
    ("values", "pointer", "code", "detail"),
    [
        ({"at": "2026-03-01"}, "/at", "not_a_time", "such as 2026-03-01T10:00:00Z"),
        ({"at": "2026-03-01T10:00:00"}, "/at", "not_a_time", "such as 2026-03-01T10:00:00Z"),
        ({"at": "2026-03-01T10:00:00 01:00"}, "/at", "not_a_time", "write + as %2B in a URL"),
        ({"at": "2026-02-30T10:00:00Z"}, "/at", "not_a_time", "such as 2026-03-01T10:00:00Z"),
        ({"day": "2026-02-30"}, "/day", "not_a_date", "such as 2026-03-01"),
        ({"givenName": "Ada"}, "/givenName", "unknown_field", "did you mean given_name?"),
        ({"email": "a@b.c"}, "/email", "unknown_field", "did you mean emails?"),
        ({"xyz": 1}, "/xyz", "unknown_field", "xyz is not a field of this object"),
        ({"a[b": 1}, "/a[b", "unknown_field", "a[b is not a field of this object"),
        ({"(": 1}, "/(", "unknown_field", "( is not a field of this object"),
        ({"list[str]": 1}, "/list[str]", "unknown_field", "list[str] is not a field of this object"),
        ({"emails": [{"[": 1, "address": "y"}]}, "/emails/0/[", "unknown_field", "[ is not a field"),
        ({"custom": {"f(x)": "y"}}, "/custom/f(x)", "wrong_type", "an integer is expected"),
        ({"id": 1}, "/id", "read_only", "id is set by the server; leave it out"),
        ({"emails": ["a@b.c"]}, "/emails/0", "wrong_type", 'a JSON object is expected: {"address": ...}'),
        ({"emails": [{"adress": "x", "address": "y"}]}, "/emails/0/adress", "unknown_field", "did you mean address?"),
        ({"emails": [{}]}, "/emails/0/address", "required", "is required"),
        ({"emails": None}, "/emails", "wrong_type", "must not be null"),
        ({"currency": "eur"}, "/currency", "wrong_format", "such as EUR"),
        ({"currency": "XYZ"}, "/currency", "unknown_currency", "such as EUR"),
        ({"amount": "12,50"}, "/amount", "wrong_format", 'such as "12.50"'),
        ({"amount": 12.5}, "/amount", "not_an_amount", 'such as "12.50", not a number'),
        ({"given_name": ""}, "/given_name", "empty", "must not be empty"),
        ({"given_name": "x" * 201}, "/given_name", "too_long", "must have at most 200 characters"),
        ({"given_name": 5}, "/given_name", "wrong_type", "a string is expected"),
        ({"stage": "king"}, "/stage", "not_one_of", "must be one of: new, old"),
        ({"count": "x"}, "/count", "wrong_type", "an integer is expected"),
    ],
)
def test_an_error_says_what_to_send(values: dict[str, Any], pointer: str, code: str, detail: str) -> None:
    (error,) = errors_of(**values)
    assert (error.pointer, error.code) == (pointer, code)
    assert detail in error.detail


CONTEXT = {"pattern": "^x$", "expected": "'a' or 'b'", "min_length": 1, "max_length": 2, "max_digits": 3}
CONTEXT |= {"decimal_places": 4, "whole_digits": 5, "gt": 6, "ge": 7, "lt": 8, "le": 9}


@pytest.mark.parametrize("kind", sorted(set(get_args(ErrorType)) - {"value_error"}))
def test_no_text_of_the_validation_library_reaches_a_client(kind: str) -> None:
    raw = {"type": kind, "loc": ("body", "x"), "msg": "Input should be", "input": "x", "ctx": CONTEXT}
    (error,) = field_errors([raw])
    assert error.code in FieldCode.known
    assert "Input should be" not in error.detail


def test_an_item_of_a_batch_is_explained_by_its_own_model() -> None:
    with pytest.raises(ValidationError) as invalid:
        Sale.model_validate({"givenName": "Ada", "count": "x"})
    problem = from_validation(invalid.value, list[Sale])
    assert problem.errors[1].detail.endswith("did you mean given_name?")
    assert problem.detail == "count: an integer is expected (and 1 more)"


def test_the_detail_of_a_problem_is_its_first_invalid_value() -> None:
    problem = ValidationFailed.field("/lines/0/sku", FieldCode.known["required"], "is required")
    assert problem.document()["detail"] == "is required"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Limit", "; did you mean limit?"), ("createdAt.gte", "; did you mean created_at.gte?"), ("x", "")],
)
def test_a_misspelt_name_gets_the_closest(name: str, hint: str) -> None:
    assert did_you_mean(name, ["limit", "created_at.gte", "created_at.lte"]) == hint


def test_a_code_has_one_meaning() -> None:
    assert FieldCode("required", FieldCode.known["required"].cause, FieldCode.known["required"].remedy) == "required"
    with pytest.raises(TypeError, match="declared twice"):
        FieldCode("required", "Another cause.", "Another remedy.")
