"""The JSON of rows, built by PostgreSQL. Python then makes no object of a value only to write it again."""

from functools import cache

from sqlalchemy import ARRAY, Boolean, Column, Date, DateTime, Integer, String, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import AutoString

from chassis.db.statements import table_name
from chassis.db.tables import Table

_SAME_TYPES = (AutoString, Boolean, Date, Integer, JSONB, String, Uuid)
"""The types of which `row_to_json` writes the same JSON as `types.json`. It writes a float of 1.0 as 1, for example."""
# In UTC, with six digits of a second or with none.
_TIME = "replace(to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000Z', 'Z')"


def json_rows_sql(rows: str, columns: str, kept: str, order: str) -> str:
    """Select the JSON of rows as `item`, with the columns `kept`. `columns` is the result of `json_columns`.

    The rows are a subquery because PostgreSQL might otherwise write those that their LIMIT leaves out.
    """
    return (
        f"select row_to_json(item)::text as item, {kept} from ({rows}) as page "
        f"cross join lateral (select {columns}) as item order by {order}"
    )


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
