"""Tasks."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, check, choice, index, long_text, timestamp, unique
from services.interactions.base import Base
from services.interactions.outreach.rules.tasks import TaskPriority, TaskState, TaskSubject


class Task(Versioned, Base, table=True):
    """A task of an agent or a team. A cause creates one task.

    `announces_at` is a due time that has not been published yet.
    """

    __tablename__ = "task"
    __table_args__ = (
        unique("cause_kind", "cause_id"),
        check("about", "(about_kind is null) = (about_id is null)"),
        check("cause", "(cause_kind is null) = (cause_id is null)"),
        check("done", "(state = 'done') = (done_at is not null)"),
        check("cancelled", "(state = 'cancelled') = (cancelled_at is not null)"),
        check("in_progress", "state <> 'in_progress' or owner_id is not null"),
        index("customer_id", "created_at", "id", postgresql_where=text("customer_id is not null")),
        index("owner_id", "created_at", "id", postgresql_where=text("owner_id is not null")),
        index("team", "created_at", "id", postgresql_where=text("team is not null")),
        index("about_id", "created_at", "id", postgresql_where=text("about_id is not null")),
        index("due_at", "id", postgresql_where=text("due_at is not null")),
        index("created_at", "id"),
        index("announces_at", "id", postgresql_where=text("announces_at is not null")),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("announces_at",))
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID | None = None
    title: str
    description: str | None = long_text(default=None)
    owner_id: str | None = None
    team: str | None = None
    about_kind: TaskSubject | None = choice(TaskSubject, "about_kind", nullable=True, default=None)
    about_id: str | None = None
    due_at: datetime | None = timestamp(nullable=True, default=None)
    by_when: str | None = None
    timezone: str | None = None
    announces_at: datetime | None = timestamp(nullable=True, default=None)
    priority: TaskPriority = choice(TaskPriority, "priority", default="normal")
    state: TaskState = choice(TaskState, "state", default="open")
    done_at: datetime | None = timestamp(nullable=True, default=None)
    cancelled_at: datetime | None = timestamp(nullable=True, default=None)
    cancelled_reason: str | None = long_text(default=None)
    cause_kind: str | None = None
    cause_id: str | None = None
