"""Suggestions, and the votes for them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, check, choice, index, long_text, timestamp, unique
from services.interactions.base import Base
from services.interactions.voice.rules.suggestions import SuggestionState


class Suggestion(Versioned, Base, table=True):
    """A suggestion of a customer or of staff. A duplicate refers to its original, which is no duplicate itself.

    `votes` is the number of voters of the suggestion and of its duplicates. It is 0 in a duplicate.
    """

    __tablename__ = "suggestion"
    __table_args__ = (
        belongs_to("duplicate_of_id", "suggestion"),
        check("author", "(customer_id is null) <> (staff_id is null)"),
        check("votes", "votes >= 0 and (votes = 0 or duplicate_of_id is null)"),
        check("done", "(state = 'done') = (done_at is not null)"),
        check("declined", "state <> 'declined' or answer is not null"),
        check("original", "duplicate_of_id <> id"),
        index("customer_id", "created_at", "id", postgresql_where=text("customer_id is not null")),
        index("sku", "created_at", "id", postgresql_where=text("sku is not null")),
        index("state", "votes", "id"),
        index("state", "created_at", "id"),
        index("duplicate_of_id", postgresql_where=text("duplicate_of_id is not null")),
        index("votes", "id"),
        index("created_at", "id"),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("votes",))
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID | None = None
    staff_id: str | None = None
    title: str
    description: str = long_text()
    sku: str | None = None
    topic: str | None = None
    state: SuggestionState = choice(SuggestionState, "state", default="new")
    answer: str | None = long_text(default=None)
    duplicate_of_id: UUID | None = None
    votes: int = bigint(default=0)
    done_at: datetime | None = timestamp(nullable=True, default=None)


class SuggestionVote(Base, table=True):
    """A vote of a customer or of staff. `voter` is the key under which it was cast, and remains after a merge."""

    __tablename__ = "suggestion_vote"
    __table_args__ = (
        belongs_to("suggestion_id", "suggestion"),
        unique("suggestion_id", "voter"),
        check("voter", "(customer_id is null) <> (staff_id is null)"),
        index("suggestion_id", "voted_at", "id"),
        index("customer_id", "voted_at", "id", postgresql_where=text("customer_id is not null")),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    suggestion_id: UUID
    customer_id: UUID | None
    staff_id: str | None
    voter: str
    voted_at: datetime = timestamp()
