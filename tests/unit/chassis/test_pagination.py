"""Pagination: the value in a cursor is restored with the type of its column, independent of the column's name."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from chassis import DatabaseView, Resource, Table, Versioned, bigint, new_registry, timestamp
from chassis.http.pagination import _column_adapter, _json_columns
from chassis.types import json
from chassis.types.ids import uuid7
from services.customers.people.customers.schemas import Customer
from services.customers.people.tables import Customer as CustomerRow
from services.customers.permission.consents.schemas import Consent
from services.customers.permission.tables import ConsentReceipt
from services.interactions.contact.queries.touch_points import TouchPoint
from services.interactions.contact.tables import TouchPoint as TouchPointRow


class Base(Table, registry=new_registry()):
    """The table base of this test."""


class Shelf(Versioned, Base, table=True):
    __tablename__ = "shelf"

    name: str
    since: datetime = timestamp()
    seen_at: str
    opened_on: date
    last_used: datetime | None = timestamp(default=None)
    width: Decimal
    points: int = bigint(default=0)


@dataclass(frozen=True, slots=True)
class ShelfRow:
    id: UUID
    name: str
    since: datetime
    seen_at: str
    opened_on: date
    last_used: datetime | None
    width: Decimal
    points: int


VIEW = DatabaseView("shelves", ShelfRow, "create or replace view shelves as select * from shelf")
AT = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("source", [Shelf, VIEW], ids=["a table", "a view"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", uuid7()),
        ("name", "2026-03-01"),
        ("since", AT),
        ("seen_at", "2026-03-01T00:00:00Z"),
        ("opened_on", date(2026, 3, 1)),
        ("last_used", AT),
        ("last_used", None),
        ("width", Decimal("12.50")),
        ("points", 2**60),
    ],
)
def test_a_value_survives_the_cursor_with_the_type_of_its_column(source: Any, column: str, value: object) -> None:
    read = _column_adapter(source, column).validate_python(json.loads(json.dumps(value)))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("source", [Shelf, VIEW], ids=["a table", "a view"])
def test_a_column_that_does_not_exist_has_no_type(source: Any) -> None:
    with pytest.raises(KeyError):
        _column_adapter(source, "colour")


@pytest.mark.parametrize(
    ("table", "resource"), [(CustomerRow, Customer), (ConsentReceipt, Consent), (TouchPointRow, TouchPoint)]
)
def test_postgresql_writes_the_pages_of_resources_that_are_rows(table: type[Table], resource: type[Resource]) -> None:
    assert _json_columns(table, resource) is not None


class Place(Resource, row=Shelf):
    id: UUID
    points: int


class MeasuredPlace(Place, row=Shelf):
    width: Decimal


def test_postgresql_does_not_write_a_type_that_it_writes_otherwise() -> None:
    assert _json_columns(Shelf, Place) == "page.id as id, page.points as points"
    assert _json_columns(Shelf, MeasuredPlace) is None
    assert _json_columns(VIEW, Place) is None
