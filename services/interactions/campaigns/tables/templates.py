"""Templates of messages, and their versions."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Versioned, belongs_to, long_text, text_list, timestamp, unique
from services.interactions.base import Base


class MessageTemplate(Versioned, Base, table=True):
    """A template with the content of its newest version, which has the number `number`."""

    __tablename__ = "message_template"
    audited: ClassVar[bool] = True

    name: str
    number: int = 1
    subject: str | None = None
    text: str = long_text()
    html: str | None = long_text(default=None)
    variables: list[str] = text_list()


class MessageTemplateVersion(Base, table=True):
    """A version of a template's content. It never changes, and campaigns keep theirs."""

    __tablename__ = "message_template_version"
    __table_args__ = (belongs_to("template_id", "message_template"), unique("template_id", "number"))

    template_id: UUID
    number: int
    subject: str | None = None
    text: str = long_text()
    html: str | None = long_text(default=None)
    variables: list[str] = text_list()
    created_at: datetime = timestamp()
    created_by: str
