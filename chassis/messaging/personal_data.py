"""Personal data: everything that a service holds about persons, read from the tables that declare it.

The rows that refer to such rows by a foreign key belong to the person as well. Columns that only serve look-ups, and
bytes, which are hashes of secrets, are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, ForeignKeyConstraint, LargeBinary, MetaData
from sqlalchemy import Table as DatabaseTable

from chassis.db.redirects import tables_of
from chassis.db.statements import Query
from chassis.db.tables import Table
from chassis.db.unit_of_work import UnitOfWork

MAX_ROWS = 5_000
"""Maximum rows of a table."""
_HIDDEN = frozenset(("tenant_id", "content_hash", "search_words"))


class ServiceData(BaseModel):
    """What a service holds about persons."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tables: dict[str, list[dict[str, Any]]]
    """The rows of each table that has some."""
    truncated: list[str]
    """The tables with more rows than are returned."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    content: dict[str, Any]


async def collect(work: UnitOfWork, metadata: MetaData, ids: Sequence[UUID]) -> ServiceData:
    """Return the rows about persons."""
    classes = {table.__table__: table for table in tables_of(metadata)}  # type: ignore[attr-defined]
    found: dict[str, dict[UUID, dict[str, Any]]] = {}
    truncated = set()
    for described in metadata.sorted_tables:  # tables come after those to which they refer
        for column, values in _conditions(described, classes[described], ids, found):
            rows = await work.select(_query(described, column), ids=values, limit=MAX_ROWS + 1)
            if len(rows) > MAX_ROWS:
                truncated.add(described.name)
            known = found.setdefault(described.name, {})
            known |= {row.id: row.content for row in rows[:MAX_ROWS]}
    return ServiceData(
        tables={name: list(rows.values()) for name, rows in found.items() if rows}, truncated=sorted(truncated)
    )


def _conditions(
    described: DatabaseTable, table: type[Table], ids: Sequence[UUID], found: dict[str, dict[UUID, dict[str, Any]]]
) -> Iterator[tuple[str, list[UUID]]]:
    """Yield the columns, with their values, by which the rows of a table are found."""
    if table.persons:
        for person in table.persons:
            yield person.column, list(ids)
        return
    for key in described.constraints:
        if isinstance(key, ForeignKeyConstraint):
            parent = found.get(key.referred_table.name)
            if parent and key.referred_table is not described:
                yield key.column_keys[-1], list(parent)


@cache
def _query(described: DatabaseTable, column: str) -> Query[_Row]:
    hidden = ", ".join(f"'{each.name}'" for each in described.columns if _is_hidden(each))
    return Query(
        _Row,
        f"""
        select id, to_jsonb(row) - array[{hidden}]::text[] as content from {described.name} as row
        where {column} = any(:ids) order by id limit :limit
        """,
    )


def _is_hidden(column: Column[Any]) -> bool:
    return column.name in _HIDDEN or isinstance(column.type, LargeBinary)
