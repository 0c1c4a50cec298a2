"""The shapes that a tenant demands of the data of touch points."""

from datetime import datetime
from typing import Any

from chassis import bigint, check, document, timestamp, unique
from services.interactions.base import Base


class TouchPointSchema(Base, table=True):
    """A version of the JSON Schema of a channel. It never changes: the newest one is in force."""

    __tablename__ = "touch_point_schema"
    __table_args__ = (unique("channel", "number"), check("number", "number > 0"))

    channel: str
    number: int = bigint()
    schema_document: dict[str, Any] = document()
    created_at: datetime = timestamp()
