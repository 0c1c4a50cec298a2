"""Touch points."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import text

from chassis import Person, check, choice, document, index, long_text, timestamp, unique
from services.interactions.contact.rules.touch_points import AuthorDocument, TouchPointDirection, TouchPointPhase
from services.interactions.sources.tables import SourceRecord


class TouchPoint(SourceRecord, table=True):
    """A contact with a customer, or with a person without a customer record."""

    __tablename__ = "touch_point"
    __table_args__ = (
        unique("source", "source_id"),
        index("customer_id", "occurred_at", "id"),
        index("agent_id", "occurred_at", "id", postgresql_where=text("agent_id is not null")),
        index("channel", "occurred_at", "id"),
        index("occurred_at", "id"),
        index("recorded_at", "id"),
        check("of_somebody", "customer_id is not null or author is not null"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    author: AuthorDocument | None = document()
    channel: str
    direction: TouchPointDirection = choice(TouchPointDirection, "direction")
    phase: TouchPointPhase | None = choice(TouchPointPhase, "phase")
    subject: str | None
    body: str | None = long_text()
    agent_id: str | None
    duration_seconds: int | None
    occurred_at: datetime = timestamp()
    data: dict[str, Any] | None = document()
