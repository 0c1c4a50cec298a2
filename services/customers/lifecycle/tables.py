"""Ended relationships, the reasons that a tenant has added, and merges."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, choice, document, index, timestamp, unique
from services.customers.base import Base
from services.customers.lifecycle.rules import MergeState
from services.customers.people.rules.stages import CustomerState, Lifecycle

NAMES_ITS_RECORDS = "A merge always names the two records that it is about."


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


class Merge(Versioned, Base, table=True):
    """A merge of one customer's record into another's, and what an undo needs."""

    __tablename__ = "merge"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("merged_id", "customer"),
        index("customer_id", "number"),
        index("merged_id", "number"),
        index("created_at", "id"),
        index("merged_id", name="uq_merge_active", unique=True, postgresql_where=text("state = 'active'")),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(merge="keep", merge_reason=NAMES_ITS_RECORDS, erase="anonymise", cleared=("changes",)),
        Person("merged_id", merge="keep", merge_reason=NAMES_ITS_RECORDS, erase="anonymise", cleared=("changes",)),
    )

    customer_id: UUID
    """The survivor."""
    merged_id: UUID
    number: int = bigint()
    """Counts the merges of the customers that it names."""
    state: MergeState = choice(MergeState, "state", default="active")
    changes: dict[str, list[Any]] | None = document(default_factory=dict)
    """The survivor's fields that changed: the value before, and after. Null after an erasure: an undo needs them."""
    merged_state: CustomerState = choice(CustomerState, "merged_state")
    """The state of the merged record before."""
    actor: str
    undone_at: datetime | None = timestamp(nullable=True, default=None)
    undone_by: str | None = None
