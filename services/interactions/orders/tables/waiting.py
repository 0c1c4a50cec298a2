"""The columns of every record that waits for its purchase."""

from datetime import datetime

from chassis import timestamp
from services.interactions.base import Base


class WaitingRecord(Base):
    """A record that was sent before its purchase, under the purchase's source id.

    Each table of such records declares its `state`, because tables cannot share a constraint,
    `unique("source", "source_id")`, and an index on the purchase's source id.
    """

    purchase_source: str
    purchase_source_id: str
    source: str
    source_id: str
    content_hash: str
    problem: str | None = None
    recorded_at: datetime = timestamp()
