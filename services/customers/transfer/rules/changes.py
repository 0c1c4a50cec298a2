"""How the changes of an import are undone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from typing_extensions import TypeAliasType

ChangeKind = TypeAliasType("ChangeKind", Literal["created", "updated"])


class Change(Protocol):
    """A change of a record by a row."""

    kind: ChangeKind
    version: int
    before: dict[str, Any]
    relation_ids: list[str]


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoes all changes of a record."""

    removes: bool
    """True if the import has created the record."""
    version: int
    """The version that the record has if nothing has changed it since."""
    values: dict[str, Any]
    """The fields as they were before the first of the changes."""
    relation_ids: list[UUID]
    """The relations that the import has created."""


def undoing(changes: Iterable[Change]) -> Undoing:
    """Return what undoes the changes of a record, which are given in their order."""
    removes, version = False, 0
    values: dict[str, Any] = {}
    relation_ids: list[UUID] = []
    for change in changes:
        removes = removes or change.kind == "created"
        version = change.version
        values = change.before | values  # the value before the first change counts
        relation_ids += map(UUID, change.relation_ids)
    return Undoing(removes, version, values, relation_ids)
