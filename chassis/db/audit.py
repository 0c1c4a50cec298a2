"""The audit log: who changed which record, when, and from what to what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.core.identity import Caller
from chassis.db.statements import Statement, column_names, table_name
from chassis.db.tables import SCHEMA, TECHNICAL, Table
from chassis.types import json

Changes = Mapping[str, list[Any]]
"""Old and new value by column."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """The change of a record. The transaction supplies actor and time."""

    entity: str
    entity_id: UUID
    action: str
    changes: Changes


@dataclass(slots=True)
class AuditLog:
    """The changes of a transaction, in order."""

    entries: list[AuditEntry] = field(default_factory=list)

    def add(self, action: str, table: type[Table], id: UUID, changes: Changes) -> None:
        """Append a change."""
        self.entries.append(AuditEntry(table_name(table), id, action, dict(changes)))

    def record_insert(self, row: Table) -> None:
        """Append the creation of a row, if its table is audited."""
        if row.audited:
            values = row.__dict__
            names = [name for name in column_names(type(row)) if values[name] is not None]
            self.record("created", row, {name: [None, values[name]] for name in names})

    def record(self, action: str, row: Table, changes: Changes) -> None:
        """Append a change of a row, if its table is audited."""
        if row.audited:
            visible = {name: values for name, values in changes.items() if _is_visible(row, name, values)}
            self.add(action, type(row), row.id, visible)

    def statements(self, caller: Caller, now: datetime, trace_id: str) -> list[Statement]:
        """Return the insert of all entries, if any."""
        if not self.entries:
            return []
        columns = [
            [entry.entity for entry in self.entries],
            [entry.entity_id for entry in self.entries],
            [entry.action for entry in self.entries],
            [json.dumps_str(entry.changes) for entry in self.entries],
        ]
        return [Statement(_INSERT, (caller.tenant.id, now, caller.actor, trace_id, *columns))]


def _is_visible(row: Table, name: str, values: list[Any]) -> bool:
    """Return whether the log shows a column. It hides technical columns, and bytes: they are hashes of secrets."""
    return name not in row.computed and name not in TECHNICAL and not isinstance(values[1], bytes)


_INSERT = (
    f"insert into {SCHEMA}.audit (tenant_id, at, actor, entity, entity_id, action, changes, trace_id) "
    "select $1, $2, $3, change.entity, change.entity_id, change.action, change.changes::jsonb, $4 "
    "from unnest($5::text[], $6::uuid[], $7::text[], $8::text[]) "
    "as change(entity, entity_id, action, changes)"
)
