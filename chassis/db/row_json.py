"""The rows of pages: their size, and their JSON, which PostgreSQL builds.

Python then makes no object of a value only to write it again.
"""

from functools import cache

from sqlalchemy import ARRAY, Boolean, Column, Date, DateTime, Integer, String, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import AutoString

from chassis.db.statements import table_name
from chassis.db.tables import LONG, Table

SMALL_BYTES = 256
"""A document that is stored in fewer bytes has a few thousand at most, however well it was compressed."""
_SAME_TYPES = (AutoString, Boolean, Date, Integer, JSONB, String, Uuid)
"""The types of which `row_to_json` writes the same JSON as `types.json`. It writes a float of 1.0 as 1, for example."""
# In UTC, with six digits of a second or with none.
_TIME = "replace(to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000Z', 'Z')"


def json_rows_sql(rows: str, columns: str, kept: str, order: str, *, only: str | None = None) -> str:
    """Select the JSON of rows as `item`, with the columns `kept`. `columns` is the result of `json_columns`.

    Rows that do not fulfil the condition `only` have no `item`. The rows are a subquery because PostgreSQL might
    otherwise write those that their LIMIT leaves out.
    """
    item = "row_to_json(item)::text"
    if only is not None:
        item = f"case when {only} then {item} end"
    return (
        f"select {item} as item, {kept} from ({rows}) as page "
        f"cross join lateral (select {columns}) as item order by {order}"
    )


def small_rows_sql(rows: str, table: type[Table], order: str, *, most: int, more: tuple[str, ...] = ()) -> str:
    """Select rows with their size as `row_bytes`. Those larger than `most` have no documents and no long texts.

    `more` names columns of the rows that the table does not have.
    """
    columns = table.metadata.tables[table_name(table)].columns
    selected = [
        f"case when page.row_bytes <= {most} then page.{column.name} end as {column.name}"
        if _may_be_large(column)
        else f"page.{column.name}"
        for column in columns
    ]
    selected += [f"page.{name}" for name in more]
    measured = _measured_rows_sql(rows, table, more)
    return f"select {', '.join(selected)}, page.row_bytes from ({measured}) as page order by {order}"


def _measured_rows_sql(rows: str, table: type[Table], more: tuple[str, ...]) -> str:
    columns = table.metadata.tables[table_name(table)].columns
    read = [
        f"{_decompressed(column)} as {column.name}" if _is_document(column) else f"page.{column.name}"
        for column in columns
    ]
    read += [f"page.{name}" for name in more]
    # Without the offset, PostgreSQL would read a document again wherever it is used.
    whole = f"select {', '.join(read)} from ({rows}) as page offset 0"
    sizes = [f"coalesce({_size(column, f'page.{column.name}')}, 0)" for column in columns if _may_be_large(column)]
    return f"select page.*, {' + '.join(sizes)} as row_bytes from ({whole}) as page"


def rows_within_sql(rows: str, size: str, order: str, *, most: int) -> str:
    """Select those of the ordered rows before which there are fewer than `most` bytes.

    `page_rows` is the number of all rows. The others are dropped before any of their documents is written.
    """
    return (
        f"select * from (select page.*, count(*) over () as page_rows, "
        f"sum({size}) over (order by {order} rows between unbounded preceding and 1 preceding) as bytes_before "
        f"from ({rows}) as page) as page where coalesce(bytes_before, 0) < {most} order by {order}"
    )


@cache
def row_size_sql(table: type[Table]) -> str | None:
    """Return an expression for the size of a row of `page`, or None if rows of the table are always small.

    Documents are decompressed for it, but not written as text: `#> '{}'` returns the whole document.
    """
    columns = table.metadata.tables[table_name(table)].columns
    if not any(map(_may_be_large, columns)):
        return None
    read = {column: _decompressed(column) if _is_document(column) else f"page.{column.name}" for column in columns}
    return " + ".join(f"coalesce({_size(column, read[column])}, 0)" for column in columns if _may_be_large(column))


def _decompressed(column: Column[object]) -> str:
    name = f"page.{column.name}"
    return f"case when pg_column_size({name}) > {SMALL_BYTES} then {name} #> '{{}}' else {name} end"


def _size(column: Column[object], value: str) -> str:
    return f"pg_column_size({value})" if _is_document(column) else f"octet_length({value})"


def _may_be_large(column: Column[object]) -> bool:
    return _is_document(column) or LONG in column.info


def _is_document(column: Column[object]) -> bool:
    return isinstance(column.type, JSONB)


@cache
def json_columns(table: type[Table], names: tuple[str, ...]) -> str | None:
    """Return columns of a table for `json_rows_sql`, or None if it would write any of them otherwise."""
    columns = table.metadata.tables[table_name(table)].columns
    written = {name: _written(columns[name]) for name in names}
    return None if None in written.values() else ", ".join(f"{text} as {name}" for name, text in written.items())


def _written(column: Column[object]) -> str | None:
    name = f"page.{column.name}"
    if isinstance(column.type, DateTime):
        return _TIME.format(name=name)
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    return name if isinstance(kind, _SAME_TYPES) else None
