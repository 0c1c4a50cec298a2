"""Queues."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Versioned, belongs_to, check, document, index, text_list, unique
from services.interactions.base import Base
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority
from services.interactions.routing.rules.queues import RelaxationDocument, RequiredSkillDocument


class Queue(Versioned, Base, table=True):
    """A queue of cases that meet its conditions. Of several, a case enters the one with the lowest position."""

    __tablename__ = "routing_queue"
    __table_args__ = (
        belongs_to("overflow_queue_id", "routing_queue"),
        unique("name"),
        index("position", "id"),
        index("overflow_queue_id", postgresql_where=text("overflow_queue_id is not null")),
        check("overflow", "(overflow_queue_id is null) = (overflow_after_minutes is null)"),
        check("other", "overflow_queue_id <> id"),
        check("wrap_up", "wrap_up_seconds >= 0"),
    )
    audited: ClassVar[bool] = True

    name: str
    position: int
    active: bool = True
    kinds: list[CaseKind] = text_list()
    categories: list[str] = text_list()
    priorities: list[CasePriority] = text_list()
    channels: list[str] = text_list()
    languages: list[str] = text_list()
    required_skills: list[RequiredSkillDocument] = document(default_factory=list)
    relaxations: list[RelaxationDocument] = document(default_factory=list)
    requires_language: bool = False
    overflow_queue_id: UUID | None = None
    overflow_after_minutes: int | None = None
    wrap_up_seconds: int = 0
