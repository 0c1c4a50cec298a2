"""The size of a record. Each request has a limit, but patches and upserts add up: a record has a limit of its own."""

from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import LargeBinary

from chassis.core.problems import Problem
from chassis.db.statements import column_names, table_name
from chassis.db.tables import TECHNICAL, Table, Versioned
from chassis.types import json

MAX_RECORD_BYTES = 262_144
"""Maximum size of a record that changes, in bytes of its content as JSON. Its event stays below MAX_EVENT_BYTES."""


class RecordTooLarge(Problem, status=413):
    """The record would be larger than a record may be.

    `size` and `limit` are in bytes of its content as JSON. Nothing was changed. Remove values that are not needed, and
    store large documents in another system.
    """


def reject_too_large(row: Table, before: Table | None = None) -> None:
    """Raise RecordTooLarge if a record that changes exceeds its limit, unless `before` was at least as large.

    A record of a former release may be larger. It can still be changed as long as it does not grow.
    """
    if not isinstance(row, Versioned):
        return
    size = record_bytes(row)
    if size > MAX_RECORD_BYTES and (before is None or size > record_bytes(before)):
        detail = f"The record would have {size} bytes. The maximum is {MAX_RECORD_BYTES}."
        raise RecordTooLarge(detail, size=size, limit=MAX_RECORD_BYTES)


def record_bytes(row: Table) -> int:
    """Return the size of a record's content as a JSON object, in bytes."""
    names_bytes, take = _content(type(row))
    return names_bytes + len(json.dumps(take(row.__dict__)))


@cache
def _content(table: type[Table]) -> tuple[int, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """Return a function that takes the content of a record, and the bytes of its names in a JSON object.

    The columns that the chassis fills do not count: a higher version must not take space from the content.
    """
    columns = table.metadata.tables[table_name(table)].columns
    hashes = {column.name for column in columns if isinstance(column.type, LargeBinary)}
    names = [name for name in column_names(table) if name not in TECHNICAL | table.computed | hashes]
    return sum(len(f'"{name}":') for name in names), itemgetter(*names)
