"""Records as the rows of a CSV file that an import reads back to the same records."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.customers.transfer.rules.mapping import Shape, cell_of_json, cell_of_texts
from services.customers.transfer.rules.relations import Stored, relation_cells, relation_columns, relation_documents

FIRST = ("id", "version", "state", "created_at", "updated_at")
"""The columns before those of the fields. An import finds records by their id, and ignores the others."""


class DoesNotFit(Exception):
    """A record has more than the columns have room for: it has changed since they were counted."""


def document_of(record: Mapping[str, Any], relations: Sequence[Stored], shape: Shape) -> dict[str, Any]:
    """Return the fields of a record that an import reads, without those that are computed."""
    names = (*FIRST, *shape.scalars, *sorted(shape.lists), *shape.documents, "custom")
    items = {
        name: [{part: value for part, value in item.items() if part in parts} for item in record[name]]
        for name, parts in shape.objects.items()
    }
    return {name: record[name] for name in names} | items | {"relations": relation_documents(relations)}


def columns_of(
    shape: Shape, lengths: Mapping[str, int], relations: Mapping[str, int], custom: Iterable[str]
) -> list[str]:
    """Return the columns for records whose longest lists have these lengths, and that have these custom fields.

    `relations` has the most relations of a record by kind.
    """
    columns = [*FIRST, *sorted(shape.scalars), *sorted(shape.lists)]
    for name in sorted(shape.documents):
        columns += [f"{name}.{part}" for part in sorted(shape.documents[name])]
    for name in sorted(shape.objects):
        parts = sorted(shape.objects[name])
        columns += [f"{name}.{number}.{part}" for number in range(1, lengths[name] + 1) for part in parts]
    columns += relation_columns(relations)
    return [*columns, *(f"custom.{name}" for name in custom)]


def cells_of(record: Mapping[str, Any], relations: Sequence[Stored], shape: Shape, columns: Sequence[str]) -> list[str]:
    """Return the row of a record. Raises DoesNotFit."""
    cells = {name: _text(record[name]) for name in (*FIRST, *shape.scalars)}
    cells |= {name: cell_of_texts(record[name]) if record[name] else "" for name in shape.lists}
    for name, parts in shape.documents.items():
        cells |= _cells_of_parts(name, record[name] or {}, parts)
    for name, parts in shape.objects.items():
        for number, item in enumerate(record[name], 1):
            cells |= _cells_of_parts(f"{name}.{number}", item, parts)
    cells |= relation_cells(relations)
    cells |= {f"custom.{name}": cell_of_json(value) for name, value in record["custom"].items()}
    if not cells.keys() <= set(columns):
        raise DoesNotFit
    return [cells.get(column, "") for column in columns]


def _cells_of_parts(place: str, values: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, str]:
    given = {part: values[part] for part in types.keys() & values.keys() if values[part] is not None}
    return {
        f"{place}.{part}": cell_of_json(value) if types[part] == "json" else _text(value)
        for part, value in given.items()
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)
