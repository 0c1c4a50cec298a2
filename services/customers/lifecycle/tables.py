"""Ended relationships, the reasons that a tenant has added, duplicates, merges, and erasures."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Field

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, index, long_text, timestamp, unique
from services.customers.base import Base
from services.customers.lifecycle.rules import MergeState
from services.customers.lifecycle.rules.deselecting import DeselectionState, EvidenceDocument, NoticeChannel, Treatment
from services.customers.lifecycle.rules.duplicates import DuplicateState
from services.customers.lifecycle.rules.erasing import ErasedRowsDocument, ErasureReason, ErasureState
from services.customers.people.rules.likeness import Evidence
from services.customers.people.rules.stages import CustomerState, Lifecycle

NAMES_ITS_RECORD = "It describes the merged record itself, which an undo restores."
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


class Duplicate(Versioned, Base, table=True):
    """Two records that may be of the same customer. A pair has a single row, whose first id is the smaller."""

    __tablename__ = "duplicate"
    __table_args__ = (
        belongs_to("first_id", "customer", cascade=True),
        belongs_to("second_id", "customer", cascade=True),
        unique("first_id", "second_id"),
        index("second_id"),
        index("score", "id"),
        index("state", "score", "id"),
        check("order", "first_id < second_id"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person("first_id", merge="own"), Person("second_id", merge="own"))

    first_id: UUID
    second_id: UUID
    state: DuplicateState = choice(DuplicateState, "state", default="open")
    score: int
    """0 to 100."""
    evidence: list[Evidence] = document()
    reported_by: str | None = None
    """The principal that reported the pair, or None if a search has found it."""


class ComparedRecord(Base, table=True):
    """The version of a record that a search for duplicates has compared, and the attributes that were compared."""

    __tablename__ = "compared_record"
    __table_args__ = (belongs_to("customer_id", "customer", cascade=True), unique("customer_id"))
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="keep", merge_reason=NAMES_ITS_RECORD),)

    customer_id: UUID
    version: int = bigint()
    rules: int
    """The rules by which it was compared."""
    traits: list[Any] = document()


class MatchKey(Base, table=True):
    """A key of a compared record. Records that have a key in common are compared."""

    __tablename__ = "match_key"
    # Without a foreign key: each of a million records has some eight keys, and each check would lock the customer.
    __table_args__ = (index("key", "customer_id"), index("customer_id"))
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="keep", merge_reason=NAMES_ITS_RECORD),)

    customer_id: UUID
    key: int = bigint()


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


class Erasure(Versioned, Base, table=True):
    """The erasure of a customer, from the request to the answers of all services. At most one of a customer is open."""

    __tablename__ = "erasure"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        index("created_at", "id"),
        index(
            "customer_id",
            name="uq_erasure_open",
            unique=True,
            postgresql_where=text("state in ('requested', 'erasing')"),
        ),
        index("due_at", name="ix_erasure_due", postgresql_where=text("state = 'requested'")),
        index("retry_at", name="ix_erasure_retry", postgresql_where=text("state = 'erasing'")),
        check("retried_while_erasing", "(state = 'erasing') = (retry_at is not null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            merge="keep",
            merge_reason="It erases the record that answers for this id when it begins.",
            erase="anonymise",
            cleared=("requested_by",),
        ),
    )

    customer_id: UUID
    customer_ids: list[UUID] = document(default_factory=list)
    """The record that is erased, and those that were merged into it. Empty until the erasure begins."""
    reason: ErasureReason = choice(ErasureReason, "reason")
    requested_by: str | None = None
    actor: str
    state: ErasureState = choice(ErasureState, "state", default="requested")
    due_at: datetime = timestamp()
    cancelled_at: datetime | None = timestamp(nullable=True, default=None)
    started_at: datetime | None = timestamp(nullable=True, default=None)
    block: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Whether the person must not be recorded again."""
    attempts: int = bigint(default=0)
    """How often the services were asked."""
    retry_at: datetime | None = timestamp(nullable=True, default=None)
    """When they are asked again, in real time. Null unless answers are missing."""
    completed_at: datetime | None = timestamp(nullable=True, default=None)


class ErasureAnswer(Base, table=True):
    """The answer of a service to an erasure: what it did, by table. A repeated answer replaces the earlier one."""

    __tablename__ = "erasure_answer"
    __table_args__ = (belongs_to("erasure_id", "erasure", cascade=True), unique("erasure_id", "service"))

    erasure_id: UUID
    service: str
    tables: list[ErasedRowsDocument] = document()
    completed_at: datetime = timestamp()


class Deselection(Versioned, Base, table=True):
    """A proposal to treat a customer differently, its decision, and the treatment. At most one is open."""

    __tablename__ = "deselection"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("created_at", "id"),
        index("customer_id"),
        index(
            "customer_id",
            name="uq_deselection_open",
            unique=True,
            postgresql_where=text("state in ('proposed', 'approved', 'in_effect', 'appealed')"),
        ),
        index(
            "id",
            name="ix_deselection_due",
            postgresql_where=text("state in ('proposed', 'approved', 'in_effect', 'appealed')"),
        ),
        check("decided_by_another", "decided_by is null or decided_by <> proposed_by"),
        check("never_silent", "state not in ('approved', 'in_effect') or notice_channel is not null"),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (
        Person(
            merge="keep",
            merge_reason="A decision about one record is not a decision about the other.",
            erase="delete",
        ),
    )

    customer_id: UUID
    treatment: Treatment = choice(Treatment, "treatment")
    state: DeselectionState = choice(DeselectionState, "state", default="proposed")
    reason: str = long_text()
    evidence: list[EvidenceDocument] = document()
    proposed_by: str
    expires_at: datetime = timestamp()
    decided_by: str | None = None
    decided_at: datetime | None = timestamp(nullable=True, default=None)
    decision_reason: str | None = long_text(default=None)
    notice_channel: NoticeChannel | None = choice(NoticeChannel, "notice_channel", nullable=True, default=None)
    takes_effect_at: datetime | None = timestamp(nullable=True, default=None)
    appeal_reason: str | None = long_text(default=None)
    appealed_at: datetime | None = timestamp(nullable=True, default=None)
    appeal_decided_by: str | None = None
    appeal_decision_reason: str | None = long_text(default=None)


class PersonalDataRequest(Base, table=True):
    """A request for everything that is held about a customer."""

    __tablename__ = "personal_data_request"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        index("created_at", "id"),
        index("customer_id", "created_at", "id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="anonymise", cleared=("requested_by",)),)

    customer_id: UUID
    requested_by: str | None = None
    actor: str
    created_at: datetime = timestamp()
