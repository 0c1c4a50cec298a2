"""The feed: every event of a tenant, in its final order."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Text
from sqlmodel import Field

from chassis import bigint, index, timestamp, unique
from gateway.base import Base


class FeedEvent(Base, table=True):
    """An event, as its publisher sent it. Its id is the event's."""

    __tablename__ = "feed_event"
    __table_args__ = (unique("position"), index("type", "position"), index("subject", "position"))

    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    """The order of the feed. A transaction takes numbers while it holds the tenant's lock, so none appears late."""
    type: str
    subject: str
    time: datetime = timestamp()
    sequence: int = bigint()
    actor: str
    traceparent: str | None = None
    data: str = Field(sa_type=Text)
    """JSON, as the publisher wrote it: numbers keep their digits."""
    recorded_at: datetime = timestamp()
