"""The outbox: the events of a transaction, written with the changes that they announce."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis.core.events import MAX_EVENT_BYTES, Event
from chassis.core.identity import Caller
from chassis.core.problems import PayloadTooLarge
from chassis.db.statements import Statement
from chassis.db.tables import SCHEMA
from chassis.types import json
from chassis.types.ids import uuid7


@dataclass(slots=True)
class Outbox:
    """The events of a transaction, each with its trace, in order."""

    events: list[tuple[Event, str | None]] = field(default_factory=list)

    def add(self, event: Event, traceparent: str | None) -> None:
        """Append an event."""
        self.events.append((event, traceparent))

    def statements(self, caller: Caller, now: datetime) -> list[Statement]:
        """Return the insert of all events, if any. Raises PayloadTooLarge for an event that Kafka would reject."""
        if not self.events:
            return []
        return [Statement(_INSERT, (caller.tenant.id, now, caller.actor, *_columns(self.events)))]


_INSERT = (
    f"insert into {SCHEMA}.outbox (tenant_id, event_id, type, subject, data, size, time, actor, traceparent) "
    "select $1, event.id, event.type, event.subject, event.data::json, octet_length(event.data), $2, $3, "
    "event.traceparent "
    "from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) "
    "as event(id, type, subject, data, traceparent)"
)


def _columns(events: Sequence[tuple[Event, str | None]]) -> list[Any]:
    return [
        [uuid7() for _ in events],
        [event.event_type for event, _ in events],
        [event.subject for event, _ in events],
        [_data(event) for event, _ in events],
        [traceparent for _, traceparent in events],
    ]


def _data(event: Event) -> str:
    data = json.dumps(event)
    if len(data) > MAX_EVENT_BYTES:
        raise PayloadTooLarge(f"The resulting event would exceed the maximum of {MAX_EVENT_BYTES} bytes.")
    return data.decode()
