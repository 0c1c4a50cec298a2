"""The outbox: the events of a transaction, written with the changes that they announce."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.core.events import MAX_EVENT_BYTES, Event
from chassis.core.identity import Caller
from chassis.core.problems import PayloadTooLarge
from chassis.db.statements import Statement
from chassis.db.tables import SCHEMA
from chassis.types import json
from chassis.types.ids import uuid7

OutboxRow = tuple[UUID, str, str, str, str | None]
"""The id, type, subject, data and trace of an event."""


@dataclass(slots=True)
class Outbox:
    """The events of a transaction, in order."""

    events: list[OutboxRow] = field(default_factory=list)

    def add(self, event: Event, traceparent: str | None) -> None:
        """Append an event. Raises PayloadTooLarge, and appends nothing, if Kafka would reject it."""
        data = json.dumps(event)
        if len(data) > MAX_EVENT_BYTES:
            detail = f"The resulting event would have {len(data)} bytes. The maximum is {MAX_EVENT_BYTES}."
            raise PayloadTooLarge(detail, size=len(data), limit=MAX_EVENT_BYTES)
        self.events.append((uuid7(), event.event_type, event.subject, data.decode(), traceparent))

    def statements(self, caller: Caller, now: datetime) -> list[Statement]:
        """Return the insert of all events, if any."""
        if not self.events:
            return []
        columns = map(list, zip(*self.events, strict=True))
        return [Statement(_INSERT, (caller.tenant.id, now, caller.actor, *columns))]


_INSERT = (
    f"insert into {SCHEMA}.outbox (tenant_id, event_id, type, subject, data, size, time, actor, traceparent) "
    "select $1, event.id, event.type, event.subject, event.data::json, octet_length(event.data), $2, $3, "
    "event.traceparent "
    "from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[]) "
    "as event(id, type, subject, data, traceparent)"
)
