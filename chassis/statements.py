"""Statements that are written from what a table is: the everyday ones, once for each shape."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from chassis.tables import Table

Row = TypeVar("Row", bound=Table)


@cache
def name_of(table: type[Table]) -> str:
    """The table's name in SQL."""
    return str(table.__table__.fullname)  # type: ignore[attr-defined]


@cache
def columns_of(table: type[Table]) -> tuple[str, ...]:
    """The table's columns, in order."""
    return tuple(column.name for column in table.__table__.columns)  # type: ignore[attr-defined]


def row_of(table: type[Row], record: Mapping[str, Any]) -> Row:
    """A row object of a record that holds all of the table's columns."""
    return table(**{name: record[name] for name in columns_of(table)})


def rows_of(table: type[Row], records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Row objects of records."""
    return [row_of(table, record) for record in records]


@cache
def select_of(table: type[Table], equal: tuple[str, ...], ending: str) -> str:
    """The rows with these values; `ending` locks or sorts them."""
    where = " and ".join(f"{name} = ${number}" for number, name in enumerate(equal, 1)) or "true"
    return f"select * from {name_of(table)} where {where} {ending}"


@cache
def insert_of(table: type[Table]) -> str:
    """A new row, all of its columns in order."""
    columns = columns_of(table)
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"insert into {name_of(table)} ({', '.join(columns)}) values ({places})"


@cache
def update_of(table: type[Table], names: tuple[str, ...]) -> str:
    """These columns of the row whose id is $1."""
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(names, 2))
    return f"update {name_of(table)} set {sets} where id = $1"
