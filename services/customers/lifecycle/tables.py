"""Ended relationships, and the reasons that a tenant has added."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, choice, index, timestamp, unique
from services.customers.base import Base
from services.customers.people.rules.stages import Lifecycle


class AddedEndReason(Base, table=True):
    """A reason of a tenant's own, beside those that every tenant has."""

    __tablename__ = "end_reason"
    __table_args__ = (unique("reason"),)
    audited: ClassVar[bool] = True

    reason: str
    description: str | None = None
    created_at: datetime = timestamp()


class RelationshipEnd(Versioned, Base, table=True):
    """The end of the relationship with a customer, and its reason. At most one of a customer is in force."""

    __tablename__ = "relationship_end"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("customer_id"),
        index(
            "customer_id",
            name="uq_relationship_end_in_force",
            unique=True,
            postgresql_where=text("resumed_at is null"),
        ),
        index("ended_at", "id"),
        index("reason", "ended_at", "id"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            merge="keep",
            merge_reason="The end of a merged record says nothing about the surviving one.",
            erase="anonymise",
            cleared=("competitor", "note"),
        ),
    )

    customer_id: UUID
    reason: str
    competitor: str | None = None
    note: str | None = None
    ended_at: datetime = timestamp()
    actor: str
    previous_lifecycle: Lifecycle = choice(Lifecycle, "previous_lifecycle")
    resumed_at: datetime | None = timestamp(nullable=True, default=None)
    resumed_by: str | None = None
