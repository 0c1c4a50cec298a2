"""Schemas: resources built from rows, their JSON schemas, request bodies and responses."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import BaseModel, StrictInt, ValidationError

from chassis import (
    Accepted,
    Feature,
    Fields,
    Instant,
    Line,
    MergePatch,
    RequestBody,
    Resource,
    Table,
    Upserted,
    Versioned,
    new_registry,
)
from chassis.http.openapi import service_document
from chassis.types.ids import uuid7
from tests.support.routes import client_of

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Base(Table, registry=new_registry()):
    """The table base of this test."""


class Book(Versioned, Base, table=True):
    __tablename__ = "book"

    title: str
    pages: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class BookRow:
    """The rows of a query."""

    id: UUID
    title: str
    pages: int
    note: str | None


class BookFields(Fields):
    title: Line
    pages: StrictInt = 1
    note: Line | None = None


class BookCreate(BookFields, RequestBody):
    printed_at: Instant | None = None


class BookUpdate(BookFields, MergePatch):
    never_null = frozenset(("pages",))

    title: Line | None = None  # type: ignore[assignment]
    pages: StrictInt | None = None  # type: ignore[assignment]


class BookShown(BookFields, Resource, row=Book):
    id: UUID


# Resources


def resource_of(row: type[Any], **keywords: Any) -> type[Resource]:
    """Declare a resource with two fields, of which only the first is a column."""

    class Shown(Resource, row=row, **keywords):
        title: str
        author: str

    return Shown


@pytest.mark.parametrize("row", [Book, BookRow])
def test_a_field_that_is_not_a_column_raises_when_the_class_is_made(row: type[Any]) -> None:
    with pytest.raises(TypeError, match="Shown: author is not a column"):
        resource_of(row)


@pytest.mark.parametrize("row", [Book, BookRow])
def test_a_field_that_is_computed_need_not_be_a_column(row: type[Any]) -> None:
    assert resource_of(row, computed=["author"]).from_row({"title": "Emma"}, author="Austen").author == "Austen"  # type: ignore[attr-defined]


def test_a_computed_value_that_is_not_a_field_raises() -> None:
    with pytest.raises(TypeError, match="publisher is not a column, or not a field"):
        resource_of(Book, computed=["author", "publisher"])


def test_a_row_type_is_a_table_or_a_dataclass() -> None:
    with pytest.raises(TypeError, match="neither a table nor a dataclass"):
        resource_of(dict)


ID = uuid7()
ROWS = [
    Book(id=ID, title="Emma", pages=474, created_at=AT, updated_at=AT),
    BookRow(ID, "Emma", 474, None),
    {"id": ID, "title": "Emma", "pages": 474, "note": None, "of_no_field": 1},
]


@pytest.mark.parametrize("row", ROWS, ids=["a table object", "a dataclass", "a mapping"])
def test_a_resource_is_built_from_any_row(row: Any) -> None:
    assert BookShown.from_row(row) == BookShown(id=ID, title="Emma", pages=474, note=None)


@pytest.mark.parametrize("row", ROWS, ids=["a table object", "a dataclass", "a mapping"])
def test_a_computed_value_takes_the_place_of_the_columns(row: Any) -> None:
    shown = BookShown.from_row(row, title="Persuasion")
    assert (shown.title, shown.pages) == ("Persuasion", 474)


@pytest.mark.parametrize("row", ROWS, ids=["a table object", "a dataclass", "a mapping"])
def test_a_resource_of_one_field_is_built_from_any_row(row: Any) -> None:
    class Title(Resource, row=Book):
        title: str

    assert Title.from_row(row) == Title(title="Emma")


def test_a_value_that_is_no_field_is_not_taken() -> None:
    with pytest.raises(TypeError, match="author"):
        BookShown.from_row(ROWS[0], author="Austen")


# JSON schemas


def test_what_has_a_default_is_optional_in_a_request_and_always_present_in_a_response() -> None:
    assert BookCreate.model_json_schema()["required"] == ["title"]
    schema = BookShown.model_json_schema(mode="serialization")
    assert set(schema["required"]) == set(schema["properties"]) == {"title", "pages", "note", "id"}


def test_a_request_and_a_response_that_share_fields_have_one_schema_each() -> None:
    schemas = service_document(shop.operations, "books")["components"]["schemas"]
    assert {"BookCreate", "BookShown", "Notice"} <= schemas.keys()
    assert not [name for name in schemas if name.endswith(("-Input", "-Output")) or "__" in name]
    assert schemas["BookCreate"]["required"] == ["title"]
    assert set(schemas["BookShown"]["required"]) == set(schemas["BookShown"]["properties"])


def test_two_different_schemas_of_the_same_name_raise() -> None:
    class Notice(Resource):
        author: str

    library = Feature("library")

    @library.get("/loans/{title}", scope="books:read")
    async def read_loan(title: str) -> Notice:
        return Notice(author=title)

    with pytest.raises(ValueError, match="two different schemas are called Notice"):
        service_document([*shop.operations, *library.operations], "books")


# Request bodies


def test_values_are_all_fields_and_changes_are_those_that_the_request_contains() -> None:
    body = BookCreate.model_validate({"title": " Emma ", "printed_at": "2026-03-01T01:00:00+01:00"})
    assert body.values() == {"title": "Emma", "pages": 1, "note": None, "printed_at": AT}
    assert body.changes() == {"title": "Emma", "printed_at": AT}


def test_null_is_a_change_of_a_merge_patch() -> None:
    assert BookUpdate.model_validate({"title": None, "note": None}).changes() == {"title": None, "note": None}
    assert BookUpdate.model_validate({"note": "x"}).changes() == {"note": "x"}


@pytest.mark.parametrize(
    ("body", "values"),
    [(BookCreate, {"title": "Emma", "note": None}), (BookCreate, {"title": None}), (BookUpdate, {"pages": None})],
    ids=["an optional field", "a required field", "a field that a patch cannot clear"],
)
def test_null_is_rejected_where_it_means_nothing(body: type[RequestBody], values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as invalid:
        body.model_validate(values)
    assert len(invalid.value.errors()) == 1


def test_a_schema_shows_null_only_where_a_request_may_contain_it() -> None:
    created, patched = (body.model_json_schema()["properties"] for body in (BookCreate, BookUpdate))
    assert {name for name, schema in created.items() if "anyOf" in schema} == set()
    assert {name for name, schema in patched.items() if "anyOf" in schema} == {"title", "note"}


def test_values_of_nested_models_are_plain() -> None:
    class Author(BaseModel):
        name: str
        born: int | None = None

    class AuthorsCreate(RequestBody):
        authors: list[Author]

    body = AuthorsCreate.model_validate({"authors": [{"name": "Austen"}]})
    assert body.values() == body.changes() == {"authors": [{"name": "Austen", "born": None}]}


def test_an_unknown_field_of_a_request_is_rejected() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        BookCreate.model_validate({"title": "Emma", "id": str(ID)})


# Responses


class Notice(Resource):
    """The response while a book is on order."""

    title: str


class Edition(Resource, etag="version"):
    version: int


class Formula(Resource):
    """A resource with a version that is not the version of a record."""

    version: int


shop = Feature("shop")


@shop.put("/books/{title}", scope="books:write")
async def put_book(title: str, body: BookCreate) -> Upserted[BookShown] | Accepted[Notice]:
    """Respond as the title requires."""
    if title == "ordered":
        return Accepted(Notice(title=title))
    return Upserted(BookShown(id=ID, title=title, pages=body.pages), created=title == "new")


@shop.post("/orders", scope="books:write", status_code=202)
async def order_book(body: BookCreate) -> Notice:
    """Respond with the declared status."""
    return Notice(title=body.title)


@shop.get("/editions/{version}", scope="books:read")
async def read_edition(version: int) -> Edition:
    """Respond with an ETag."""
    return Edition(version=version)


@shop.get("/formulas/{version}", scope="books:read")
async def read_formula(version: int) -> Formula:
    """Respond without an ETag."""
    return Formula(version=version)


async def sent(method: str, path: str, **options: Any) -> httpx.Response:
    async with client_of(shop) as client:
        return await client.request(method, path, **options)


@pytest.mark.parametrize(("title", "status"), [("new", 201), ("existing", 200), ("ordered", 202)])
async def test_the_status_of_an_upsert_tells_what_it_did(title: str, status: int) -> None:
    answer = await sent("PUT", f"/v1/books/{title}", json={"title": title})
    assert (answer.status_code, answer.json()["title"]) == (status, title)


async def test_a_declared_status_is_the_status_of_the_response() -> None:
    assert (await sent("POST", "/v1/orders", json={"title": "Emma"})).status_code == 202


def test_every_status_of_an_upsert_is_in_the_document() -> None:
    (operation,) = service_document(shop.operations, "books")["paths"]["/v1/books/{title}"].values()
    shown = {
        status: response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for status, response in operation["responses"].items()
        if status.startswith("2")
    }
    assert shown == {"200": "BookShown", "201": "BookShown", "202": "Notice"}


async def test_a_resource_that_declares_its_etag_responds_with_it() -> None:
    assert (await sent("GET", "/v1/editions/3")).headers["etag"] == '"3"'
    unchanged = await sent("GET", "/v1/editions/3", headers={"if-none-match": '"3"'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", '"3"')
    assert (await sent("GET", "/v1/editions/3", headers={"if-none-match": '"2"'})).status_code == 200


async def test_a_field_named_version_alone_makes_no_etag() -> None:
    answer = await sent("GET", "/v1/formulas/3", headers={"if-none-match": '"3"'})
    assert (answer.status_code, answer.json()) == (200, {"version": 3})
    assert "etag" not in answer.headers
