"""Pipelines with their stages, deals, the history of their stages, and approvals of their discounts."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Field

from chassis import (
    Person,
    Versioned,
    belongs_to,
    bigint,
    check,
    choice,
    document,
    index,
    long_text,
    text_list,
    timestamp,
    unique,
)
from services.customers.base import Base
from services.customers.people.rules.records import ExternalIdDocument
from services.customers.sales.rules.lines import ApprovalState, DealLineDocument, DiscountLimitDocument, DiscountState
from services.customers.sales.rules.pipelines import DealState, StageChangeKind, StageKind

NO_DATE = date(9999, 12, 31)
"""Sorts deals without a date after all others."""


class Pipeline(Versioned, Base, table=True):
    """An order of stages that deals pass. `discount_percent` is what every salesperson may grant, null for anything."""

    __tablename__ = "pipeline"
    __table_args__ = (
        unique("name"),
        index("is_default", name="ix_pipeline_default", unique=True, postgresql_where=text("is_default")),
    )
    audited: ClassVar[bool] = True

    name: str
    is_default: bool = False
    allows_skipping: bool = True
    lost_reasons: list[str] = text_list()
    discount_percent: str | None = None
    discount_limits: list[DiscountLimitDocument] = document(default_factory=list)


class Stage(Base, table=True):
    """A stage of a pipeline, at its position from 0. Its deals keep it from being removed."""

    __tablename__ = "stage"
    __table_args__ = (
        belongs_to("pipeline_id", "pipeline"),
        index("pipeline_id", "position"),
        check("position", "position >= 0"),
    )
    audited: ClassVar[bool] = True

    pipeline_id: UUID
    position: int
    name: str
    kind: StageKind = choice(StageKind, "kind")
    probability: str
    required_fields: list[str] = text_list()
    stalled_after_days: int | None = None


class Deal(Versioned, Base, table=True):
    """A sale that is being made with a customer. Its amount is the sum of its lines if it has any.

    `close_order` and `amount_order` sort deals without a date or an amount last.
    """

    __tablename__ = "deal"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("pipeline_id", "pipeline"),
        belongs_to("stage_id", "stage"),
        check("amount_minor", "amount_minor >= 0"),
        index("customer_id", "created_at", "id"),
        index("pipeline_id", "stage_id", "created_at", "id"),
        index("stage_id"),
        index("owner_id", "created_at", "id", postgresql_where=text("owner_id is not null")),
        index("created_at", "id"),
        index("updated_at", "id"),
        index("close_order", "id"),
        index("amount_order", "id"),
        index("stalls_at", "id", postgresql_where=text("state = 'open' and stalls_at is not null")),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("close_order", "amount_order", "stalls_at", "stall_announced"))
    persons: ClassVar[tuple[Person, ...]] = (
        Person(erase="anonymise", cleared=("name", "custom", "lost_note", "external_ids")),
    )

    customer_id: UUID
    name: str = Field(sa_column_kwargs={"server_default": ""})
    pipeline_id: UUID
    stage_id: UUID
    state: DealState = choice(DealState, "state", default="open")
    owner_id: str | None = None
    currency: str
    amount_minor: int | None = bigint(nullable=True, default=None)
    expected_close_on: date | None = None
    competitor: str | None = None
    source: str | None = None
    lost_reason: str | None = None
    lost_note: str | None = long_text(default=None)
    lines: list[DealLineDocument] = document(default_factory=list)
    discount_percent: str = "0.00"
    discount_state: DiscountState = choice(DiscountState, "discount_state", default="within_limit")
    discounted_by: str | None = None
    approved_percent: str | None = None
    custom: dict[str, Any] = document(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    external_ids: list[ExternalIdDocument] = document(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    stage_entered_at: datetime = timestamp()
    closed_at: datetime | None = timestamp(nullable=True, default=None)
    stalls_at: datetime | None = timestamp(nullable=True, default=None)
    stall_announced: datetime | None = timestamp(nullable=True, default=None)
    close_order: date = NO_DATE
    amount_order: int = bigint(default=-1)


class DealExternalId(Base, table=True):
    """Another system's identifier of a deal. It is unique within its source."""

    __tablename__ = "deal_external_id"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("deal_id", "deal", cascade=True),
        unique("source", "external_id"),
        index("customer_id"),
        index("deal_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    customer_id: UUID
    deal_id: UUID
    source: str
    external_id: str


class DealStageChange(Base, table=True):
    """A change of a deal's stage. Append-only. Names are those at the time of the change."""

    __tablename__ = "deal_stage_change"
    __table_args__ = (belongs_to("deal_id", "deal", cascade=True), index("deal_id", "id"))

    deal_id: UUID
    kind: StageChangeKind = choice(StageChangeKind, "kind")
    from_stage_id: UUID | None = None
    from_stage_name: str | None = None
    to_stage_id: UUID
    to_stage_name: str
    reason: str | None = None
    seconds_in_previous: int | None = bigint(nullable=True, default=None)
    actor: str
    changed_at: datetime = timestamp()


class DiscountApproval(Versioned, Base, table=True):
    """A request to grant a discount above the limit of its author, and the decision."""

    __tablename__ = "discount_approval"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("deal_id", "deal", cascade=True),
        index("deal_id", "id"),
        index("state", "id"),
        index("customer_id"),
        index("deal_id", name="ix_discount_approval_waiting", unique=True, postgresql_where=text("state = 'waiting'")),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="anonymise", cleared=("reason", "decision_reason")),)

    customer_id: UUID
    deal_id: UUID
    percent: str
    reason: str | None = long_text(default=None)
    state: ApprovalState = choice(ApprovalState, "state", default="waiting")
    requested_by: str
    decided_by: str | None = None
    decision_reason: str | None = long_text(default=None)
    decided_at: datetime | None = timestamp(nullable=True, default=None)
