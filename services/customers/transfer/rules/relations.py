"""Relations in files: each has a numbered place, so that several of a kind are kept, with their roles and days."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from services.customers.people.rules.relations import RelationKind, StoredKind

FOREIGN_SOURCE = "rapport"
"""The source of our own ids. A record keeps the id that it had in another tenant as an external id of this source."""
PARTS = ("role", "valid_from", "valid_to")
"""The parts of a relation behind the id of the related customer."""


@dataclass(frozen=True, slots=True)
class Named:
    """A relation that a row names. `source` and `id` are the id of the related customer in a system."""

    kind: RelationKind
    source: str
    id: str
    role: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


class Stored(Protocol):
    """A relation, as it is stored."""

    related_customer_id: UUID
    kind: StoredKind
    role: str | None
    valid_from: date | None
    valid_to: date | None


def own_id(id: str) -> UUID | None:
    """Return an id of ours, or None if the text is none."""
    try:
        return UUID(id)
    except ValueError:
        return None


def relation_columns(lengths: Mapping[str, int]) -> list[str]:
    """Return the columns for customers with at most so many relations of each kind."""
    numbered = [(kind, number) for kind in sorted(lengths) for number in range(1, lengths[kind] + 1)]
    return [f"relations.{kind}.{number}.{part}" for kind, number in numbered for part in (FOREIGN_SOURCE, *PARTS)]


def relation_cells(relations: Iterable[Stored]) -> dict[str, str]:
    """Return the cells of a customer's relations by their columns."""
    cells: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for relation in relations:
        numbers[relation.kind] += 1
        place = f"relations.{relation.kind}.{numbers[relation.kind]}"
        cells[f"{place}.{FOREIGN_SOURCE}"] = str(relation.related_customer_id)
        cells |= {f"{place}.{part}": _text(getattr(relation, part)) for part in PARTS}
    return cells


def relation_documents(relations: Iterable[Stored]) -> list[dict[str, Any]]:
    """Return a customer's relations as JSON, in the form of a request that creates them."""
    return [
        {"kind": each.kind, "related_customer_id": each.related_customer_id}
        | {part: value for part in PARTS if (value := getattr(each, part)) is not None}
        for each in relations
    ]


def _text(value: str | date | None) -> str:
    return value.isoformat() if isinstance(value, date) else value or ""
