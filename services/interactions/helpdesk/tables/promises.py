"""Promises to customers."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, check, choice, index, long_text, timestamp
from services.interactions.base import Base
from services.interactions.helpdesk.rules.promises import PromiseMaker, PromiseState


class Promise(Versioned, Base, table=True):
    """A promise to a customer, with its owner and its due time.

    `warns_at` is the time of a warning that has not been published yet.
    """

    __tablename__ = "promise"
    __table_args__ = (
        belongs_to("replaced_by_id", "promise"),
        check("owned", "owner_id is not null or team is not null"),
        check("due", "due_at > made_at"),
        check("kept", "state <> 'kept' or coalesce(done_at <= due_at, false)"),
        check("not_done", "state not in ('open', 'withdrawn') or done_at is null"),
        check("broken", "(state = 'broken') = (broken_at is not null)"),
        check("withdrawn", "(state = 'withdrawn') = (withdrawn_at is not null)"),
        index("customer_id", "due_at", "id"),
        index("owner_id", "due_at", "id", postgresql_where=text("owner_id is not null")),
        index("team", "due_at", "id", postgresql_where=text("team is not null")),
        index("made_by_id", "due_at", "id"),
        index("due_at", "id"),
        index("created_at", "id"),
        index("replaced_by_id", postgresql_where=text("replaced_by_id is not null")),
        index("due_at", "id", name="ix_promise_open", postgresql_where=text("state = 'open'")),
        index("warns_at", "id", postgresql_where=text("warns_at is not null")),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("warns_at",))
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID
    made_by_kind: PromiseMaker = choice(PromiseMaker, "made_by_kind")
    made_by_id: str
    what: str = long_text()
    owner_id: str | None = None
    team: str | None = None
    made_at: datetime = timestamp()
    due_at: datetime = timestamp()
    by_when: str | None = None
    timezone: str
    first_due_at: datetime = timestamp()
    warn_before_seconds: int
    warns_at: datetime | None = timestamp(nullable=True, default=None)
    state: PromiseState = choice(PromiseState, "state", default="open")
    done_at: datetime | None = timestamp(nullable=True, default=None)
    broken_at: datetime | None = timestamp(nullable=True, default=None)
    withdrawn_at: datetime | None = timestamp(nullable=True, default=None)
    withdrawn_reason: str | None = long_text(default=None)
    replaced_by_id: UUID | None = None
