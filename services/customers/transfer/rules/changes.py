"""How the changes of an import are undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, Protocol
from uuid import UUID

from typing_extensions import TypeAliasType

ChangeKind = TypeAliasType("ChangeKind", Literal["created", "updated"])


class Change(Protocol):
    """A change of a record by a row."""

    customer_id: UUID
    deal_id: UUID | None
    kind: ChangeKind
    version: int
    before: dict[str, Any]
    relation_ids: list[str]


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoes all changes of a record."""

    customer_id: UUID
    deal_id: UUID | None
    """The deal of the customer, if it is the record."""
    removes: bool
    """True if the import has created the record."""
    version: int
    """The version that the record has if nothing has changed it since."""
    values: dict[str, Any]
    """The fields as they were before the first of the changes."""
    relation_ids: list[UUID]
    """The relations that the import has created."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of records whose changes were to be undone."""

    removed: int
    restored: int
    kept: Mapping[UUID, str]
    """Records that were left alone, with the reason."""


def undoings_of(changes: Iterable[Change]) -> dict[UUID, Undoing]:
    """Return what undoes changes, by their records. They are sorted by record, and in their order."""
    grouped = groupby(changes, lambda change: change.deal_id or change.customer_id)
    return {id: _undoing(list(each)) for id, each in grouped}


def _undoing(changes: list[Change]) -> Undoing:
    removes, version = False, 0
    values: dict[str, Any] = {}
    relation_ids: list[UUID] = []
    for change in changes:
        removes = removes or change.kind == "created"
        version = change.version
        values = change.before | values  # the value before the first change counts
        relation_ids += map(UUID, change.relation_ids)
    return Undoing(changes[0].customer_id, changes[0].deal_id, removes, version, values, relation_ids)
