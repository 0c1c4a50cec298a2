"""Typed SQL: queries that know the type of their rows, commands, filters, and the statements derived from tables.

    @dataclass(frozen=True, slots=True)
    class MonthlySales:
        month: date
        purchases: int

    _SALES = Query(MonthlySales, "select month, count(*) as purchases from ... where customer_id = :customer_id")
    sales = await work.fetch(_SALES, customer_id=id)

Queries and commands are module constants, so that a test can prepare each of them on the migrated database and compare
its columns with the fields of its row type. Parameters are written `:name` and become PostgreSQL's `$1`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from sqlalchemy.orm import configure_mappers

from chassis.db.tables import SCHEMA, Table
from chassis.types.rows import construct, taker

Row = TypeVar("Row", bound=Table)
Result = TypeVar("Result")
Record = asyncpg.Record
"""A row as asyncpg returns it. Features do not see it: a query names the type of its rows."""

# A quoted text, a comment, a cast, or else a parameter. Upper-case letters after a colon belong to formats: 'HH24:MI'.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:([a-z_][a-z0-9_]*)")
_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\$(\d+)")


class Command:
    """A statement with named parameters that returns no rows."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sql, self.parameters = compile_parameters(text)

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the parameters. Raises TypeError if any is missing or unknown."""
        if values.keys() != self.parameters.keys():
            raise TypeError(f"expected the parameters {', '.join(self.parameters)}; received {', '.join(values)}")
        return [values[name] for name in self.parameters]


class Query(Command, Generic[Result]):
    """A statement with named parameters, and the type of its rows.

    A row type is a dataclass whose fields are columns, a table, a pydantic model (built without validation), or the
    type of the only column. `{where}` in the text takes the conditions of `where`.
    """

    def __init__(self, into: type[Result], text: str) -> None:
        super().__init__(text)
        self.into = into
        self.build: Callable[[Record], Result] = row_builder(into)  # type: ignore[arg-type]

    def where(self, filters: Iterable["Filter"]) -> "Query[Result]":
        """Return the query with its `{where}` replaced by conditions, whose values are bound."""
        return _FilteredQuery(self, *combine_filters(filters))


class _FilteredQuery(Query[Result]):
    """A query whose conditions a request has chosen."""

    def __init__(self, query: Query[Result], where: str, values: Mapping[str, Any]) -> None:
        if values.keys() & query.parameters.keys():
            raise TypeError(f"rename the parameters {', '.join(values.keys() & query.parameters.keys())} of the query")
        self.text = query.text.replace("{where}", where)
        self.sql, self.parameters = compile_parameters(self.text)
        self.into, self.build = query.into, query.build
        self._values = values

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Return all values in the order of the parameters."""
        return super().bind({**self._values, **values})


@cache
def compile_parameters(text: str) -> tuple[str, dict[str, int]]:
    """Translate `:name` to `$1`. Returns the SQL and the number of each parameter, in order."""
    numbers: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        return match[0] if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PARAMETER.sub(replace, text), numbers


@cache
def row_builder(into: Any) -> Callable[[Any], Any]:
    """Return a function that turns a database record into the row type of a query."""
    if into is Record:
        return lambda record: record
    if isinstance(into, type) and issubclass(into, Table):
        return lambda record: to_row(into, record)
    if isinstance(into, type) and issubclass(into, BaseModel):
        return lambda record: construct(into, record)
    if is_dataclass(into):
        take = taker(tuple(field.name for field in fields(into)), Mapping)
        return lambda record: into(*take(record))  # type: ignore[operator]
    return lambda record: record[0]


# Filters


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition with named parameters: `Filter(":tag = any(tags)", {"tag": tag})`."""

    text: str
    values: Mapping[str, Any]


def condition(text: str, **values: Any) -> Filter:
    """Return a condition on rows: `condition(":tag = any(tags)", tag=tag)`."""
    return Filter(text, values)


def equals(**columns: Any) -> list[Filter]:
    """Return a condition for each column: its value, or any of a list of values. None means no condition."""
    return [
        Filter(f"{name} = any(:{name})" if isinstance(value, list) else f"{name} = :{name}", {name: value})
        for name, value in columns.items()
        if value is not None
    ]


def of_person(id: UUID | None, column: str = "customer_id") -> list[Filter]:
    """Return the condition that rows belong to a person, or to the one it was merged into. None means no condition."""
    return [] if id is None else [Filter(f"{column} = {found_person_sql(':person')}", {"person": id})]


def combine_filters(filters: Iterable[Filter]) -> tuple[str, dict[str, Any]]:
    """Return a single condition and its values. Parameters are numbered, because filters may use the same name."""
    texts, values = [], {}
    for number, item in enumerate(filters):
        texts.append(_number_parameters(item.text, number))
        values.update({f"{name}_{number}": value for name, value in item.values.items()})
    return " and ".join(texts) or "true", values


@cache
def _number_parameters(text: str, number: int) -> str:
    return _PARAMETER.sub(lambda match: match[0] if match[1] is None else f":{match[1]}_{number}", text)


# Statements derived from tables, cached by shape


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in PostgreSQL's own form with its values, ready to be sent."""

    sql: str
    values: Sequence[Any]


@cache
def table_name(table: type[Table]) -> str:
    """Return the table's name in SQL."""
    return str(table.__table__.fullname)  # type: ignore[attr-defined]


@cache
def column_names(table: type[Table]) -> tuple[str, ...]:
    """Return the table's columns, in order."""
    configure_mappers()  # SQLAlchemy does so in a table's constructor, which `to_row` does not call
    return tuple(column.name for column in table.__table__.columns)  # type: ignore[attr-defined]


def to_row(table: type[Row], record: Record) -> Row:
    """Return the row object of a record that holds all columns of the table."""
    return table.from_columns({name: record[name] for name in column_names(table)})


@cache
def select_sql(table: type[Table], columns: tuple[str, ...], ending: str) -> str:
    """Select the rows with these values. `ending` sorts or locks them."""
    where = " and ".join(f"{name} = ${number}" for number, name in enumerate(columns, 1)) or "true"
    return f"select * from {table_name(table)} where {where} {ending}"


@cache
def insert_sql(table: type[Table]) -> str:
    """Insert a row, all of its columns in order."""
    columns = column_names(table)
    moving = moving_columns(table)
    values = ", ".join(
        current_person_sql(f"${number}::uuid") if name in moving else f"${number}"
        for number, name in enumerate(columns, 1)
    )
    return f"insert into {table_name(table)} ({', '.join(columns)}) values ({values})"


@cache
def moving_columns(table: type[Table]) -> tuple[str, ...]:
    """Return the columns that name a person to whose survivor the rows move in a merge."""
    return tuple(person.column for person in table.persons if person.merge == "move")


def found_person_sql(id: str) -> str:
    """Return SQL for the person to whom the rows of a person belong, to compare a column with.

    Under row-level security an index serves leakproof conditions alone. PostgreSQL does not know `coalesce` as one,
    but the result of a subquery is a parameter. Without it, a list of one person's records would read those of all.
    """
    return f"(select {current_person_sql(id)})"


def current_person_sql(id: str) -> str:
    """Return SQL for the person to whom the rows of a person belong: itself, unless it was merged."""
    return f"coalesce((select target_id from {SCHEMA}.redirect where redirect.id = {id}), {id})"


@cache
def log_moved_sql(table: type[Table], column: str) -> str:
    """Record under which merged persons rows were recorded. $1 has the ids of the rows, $2 the persons."""
    return (
        f"insert into {SCHEMA}.moved_row (table_name, column_name, row_id, original_id) "
        f"select '{table_name(table)}', '{column}', new.id, new.person_id "
        f"from unnest($1::uuid[], $2::uuid[]) as new(id, person_id) "
        f"join {SCHEMA}.redirect on redirect.id = new.person_id"
    )


@cache
def update_sql(table: type[Table], columns: tuple[str, ...]) -> str:
    """Update these columns of the row whose id is $1."""
    assignments = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 2))
    return f"update {table_name(table)} set {assignments} where id = $1"


@cache
def insert_many_sql(table: type[Table], columns: tuple[str, ...]) -> str:
    """Insert rows from a JSON array of objects."""
    moving = moving_columns(table)
    values = ", ".join(current_person_sql(f"new.{name}") if name in moving else f"new.{name}" for name in columns)
    return (
        f"insert into {table_name(table)} ({', '.join(columns)}) "
        f"select {values} from json_populate_recordset(null::{table_name(table)}, $1::json) as new"
    )


@cache
def update_many_sql(table: type[Table], columns: tuple[str, ...]) -> str:
    """Update these columns of rows from a JSON array of objects, each with the id of its row."""
    name = table_name(table)
    assignments = ", ".join(f"{column} = new.{column}" for column in columns)
    return (
        f"update {name} set {assignments} "
        f"from json_populate_recordset(null::{name}, $1::json) as new where {name}.id = new.id"
    )


# Several writes in a single round trip


def combine(statements: Sequence[Statement]) -> Statement:
    """Combine several writes into a single statement. Its result is that of the last write."""
    values = [value for statement in statements for value in statement.values]
    return Statement(_combine(tuple((statement.sql, len(statement.values)) for statement in statements)), values)


@cache
def _combine(parts: tuple[tuple[str, int], ...]) -> str:
    *others, (last, _) = parts
    expressions: list[str] = []
    shift = 0
    for sql, count in others:
        expressions.append(f"part{len(expressions)} as ({_shift_placeholders(sql, shift)})")
        shift += count
    prefix = f"with {', '.join(expressions)} " if expressions else ""
    return prefix + _shift_placeholders(last, shift)


def _shift_placeholders(sql: str, shift: int) -> str:
    return _PLACEHOLDER.sub(lambda match: match[0] if match[1] is None else f"${int(match[1]) + shift}", sql)
