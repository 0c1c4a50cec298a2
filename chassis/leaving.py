"""What leaves with a commit: the events of a transaction into the outbox, its changes into the audit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import json
from chassis.events import LARGEST_EVENT, Event
from chassis.identity import Caller
from chassis.ids import uuid7
from chassis.problems import TooLarge
from chassis.statements import Part, columns_of, name_of
from chassis.tables import SCHEMA, Table


@dataclass(slots=True)
class Change:
    """Who changed is known to the transaction; this is what, from what to what."""

    entity: str
    entity_id: UUID
    action: str
    changes: dict[str, list[Any]]


@dataclass(slots=True)
class Leaving:
    """Events, each with its trace, and changes, in the order in which they came."""

    events: list[tuple[Event, str | None]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.changes)

    def note_new(self, row: Table) -> None:
        """Notes a new row, if its table is audited."""
        values = vars(row)
        self.note(
            "created",
            row,
            {name: [None, values[name]] for name in columns_of(type(row)) if values[name] is not None},
        )

    def note(self, action: str, row: Table, changes: dict[str, list[Any]]) -> None:
        """Notes what changed in a row, if its table is audited."""
        if row.audited:
            shown = {
                name: values for name, values in changes.items() if name not in row.computed and _is_shown(name, values)
            }
            self.changes.append(Change(name_of(type(row)), row.id, action, shown))

    def parts(self, caller: Caller, now: datetime, trace_id: str) -> list[Part]:
        """The writes of all of it. Raises TooLarge for an event that Kafka would not take."""
        parts: list[Part] = []
        if self.events:
            parts.append((_OUTBOX, (caller.tenant.id, now, caller.actor, *_outbox_values(self.events))))
        if self.changes:
            parts.append((_AUDIT, (caller.tenant.id, now, caller.actor, trace_id, *_audit_values(self.changes))))
        return parts


_OUTBOX = (
    f"insert into {SCHEMA}.outbox (tenant_id, event_id, type, subject, data, time, actor, traceparent) "
    "select $1, event.id, event.type, event.subject, event.data::json, $2, $3, event.traceparent "
    "from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) "
    "as event(id, type, subject, data, traceparent)"
)
_AUDIT = (
    f"insert into {SCHEMA}.audit (tenant_id, at, actor, entity, entity_id, action, changes, trace_id) "
    "select $1, $2, $3, change.entity, change.entity_id, change.action, change.changes::jsonb, $4 "
    "from unnest($5::text[], $6::uuid[], $7::text[], $8::text[]) "
    "as change(entity, entity_id, action, changes)"
)


def _outbox_values(events: Sequence[tuple[Event, str | None]]) -> list[Any]:
    return [
        [uuid7() for _ in events],
        [event.event_type for event, _ in events],
        [event.subject for event, _ in events],
        [_data_of(event) for event, _ in events],
        [traceparent for _, traceparent in events],
    ]


def _data_of(event: Event) -> str:
    data = json.dumps(event)
    if len(data) > LARGEST_EVENT:
        raise TooLarge(f"What happened here is larger than an event may be ({LARGEST_EVENT} bytes).")
    return data.decode()


def _audit_values(changes: Sequence[Change]) -> list[Any]:
    return [
        [change.entity for change in changes],
        [change.entity_id for change in changes],
        [change.action for change in changes],
        [json.dump_text(change.changes) for change in changes],
    ]


def _is_shown(name: str, values: list[Any]) -> bool:
    """Whether the audit shows a column: not the technical ones, and no bytes, which are hashes of secrets."""
    technical = name in ("tenant_id", "id", "version", "created_at", "updated_at")
    return not technical and not isinstance(values[1], bytes)
