"""Statements that are written from what a table is: the everyday ones, once for each shape."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from chassis.tables import Table

Row = TypeVar("Row", bound=Table)
Part = tuple[str, Sequence[Any]]
"""A statement and its values."""


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


@cache
def insert_all_of(table: type[Table], columns: tuple[str, ...]) -> str:
    """New rows, from a JSON array of objects."""
    names = ", ".join(columns)
    return (
        f"insert into {name_of(table)} ({names}) "
        f"select {names} from json_populate_recordset(null::{name_of(table)}, $1::json)"
    )


def together(parts: Sequence[Part]) -> tuple[str, list[Any]]:
    """Several writes as one statement, and its values. Its answer is that of the last one, the others say nothing."""
    values = [value for _, part in parts for value in part]
    return _together(tuple((statement, len(part)) for statement, part in parts)), values


@cache
def _together(parts: tuple[tuple[str, int], ...]) -> str:
    *others, (last, _) = parts
    texts: list[str] = []
    first = 0
    for statement, many in others:
        texts.append(f"part{len(texts)} as ({_counted_from(first, statement)})")
        first += many
    before = f"with {', '.join(texts)} " if texts else ""
    return before + _counted_from(first, last)


def _counted_from(first: int, statement: str) -> str:
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + first}", statement)
