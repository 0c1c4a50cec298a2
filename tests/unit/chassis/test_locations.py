"""Locations: a route that creates records has the path of the route that reads them."""

from typing import Any

import pytest

from chassis import Feature, Resource
from chassis.http.locations import set_locations
from chassis.http.schemas import Upserted
from tests.support.routes import client_of


class Book(Resource):
    """A book of this test."""

    id: int


def a_feature(*reads: str) -> Feature:
    feature = Feature("books")

    async def read(**_: Any) -> Book:
        return Book(id=7)

    for number, path in enumerate(reads):
        read.__name__ = f"read_{number}"
        feature.get(path, scope="books:read")(read)
    return feature


@pytest.mark.parametrize(
    ("method", "path", "reads", "location"),
    [
        ("post", "/books", ["/books/{id}"], "/v1/books/{new}"),
        ("post", "/books", ["/books/{isbn:int}"], "/v1/books/{new}"),
        ("post", "/books", ["/books"], None),
        ("post", "/books", ["/books/{id}/pages"], None),
        ("post", "/shelves/{id}/books", ["/shelves/{x}/books/{id}", "/books/{id}"], "/v1/shelves/{id}/books/{new}"),
        ("post", "/shelves/{id}/books", ["/books/{id}", "/shelves/{id}"], "/v1/books/{new}"),
        ("post", "/shelves/{id}/books", ["/shelves/{id}"], None),
        ("put", "/books/by-isbn", ["/books/{id}"], "/v1/books/{new}"),
    ],
)
def test_a_new_record_is_read_by_the_route_of_its_collection(
    method: str, path: str, reads: list[str], location: str | None
) -> None:
    feature = a_feature(*reads)

    async def write() -> Upserted[Book]:
        return Upserted(Book(id=7), created=True)

    getattr(feature, method)(path, scope="books:write")(write)
    set_locations(feature.operations)
    assert feature.operations[-1].location == location


async def test_the_location_has_the_parameters_of_the_request_and_the_new_id() -> None:
    feature = a_feature("/shelves/{shelf}/books/{id}")

    @feature.post("/shelves/{id}/books", scope="books:write", status_code=201)
    async def add_book(id: str) -> Book:
        return Book(id=7)

    async with client_of(feature) as client:
        response = await client.post("/v1/shelves/a%7Bb/books")
    assert (response.status_code, response.headers["location"]) == (201, "/v1/shelves/a%7Bb/books/7")


async def test_a_record_that_existed_has_no_location() -> None:
    feature = a_feature("/books/{id}")

    @feature.post("/books", scope="books:write")
    async def add_book() -> Upserted[Book]:
        return Upserted(Book(id=7), created=False)

    async with client_of(feature) as client:
        response = await client.post("/v1/books")
    assert (response.status_code, "location" in response.headers) == (200, False)
