"""Contracts."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Field

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, index, long_text
from services.customers.base import Base
from services.customers.sales.rules.contracts import ContractEndReason, ContractState, Renewal


class Contract(Versioned, Base, table=True):
    """A contract with a customer.

    `notice_announced` and `end_announced` are the days of which an event was published.
    """

    __tablename__ = "contract"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("deal_id", "deal"),
        check("period", "ends_on is null or ends_on >= starts_on"),
        check("term", "renewal <> 'automatic' or (ends_on is not null and renewal_months is not null)"),
        index("customer_id", "created_at", "id"),
        index("deal_id", postgresql_where=text("deal_id is not null")),
        index("created_at", "id"),
        index("updated_at", "id"),
        index("ends_on", "id", postgresql_where=text("state = 'active' and ends_on is not null")),
        index("last_notice_on", "id", postgresql_where=text("state = 'active' and last_notice_on is not null")),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("last_notice_on", "notice_announced", "end_announced"))
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="anonymise", cleared=("name", "end_note", "custom")),)

    customer_id: UUID
    deal_id: UUID | None = None
    name: str = Field(sa_column_kwargs={"server_default": ""})
    product_ids: list[str] = document(default_factory=list)
    owner_id: str | None = None
    currency: str | None = None
    amount_minor: int | None = bigint(nullable=True, default=None)
    starts_on: date
    ends_on: date | None = None
    renewal: Renewal = choice(Renewal, "renewal", default="none")
    renewal_months: int | None = None
    notice_days: int | None = None
    state: ContractState = choice(ContractState, "state", default="active")
    ended_on: date | None = None
    end_reason: ContractEndReason | None = choice(ContractEndReason, "end_reason", nullable=True, default=None)
    end_note: str | None = long_text(default=None)
    custom: dict[str, Any] = document(default_factory=dict, sa_column_kwargs={"server_default": "{}"})
    last_notice_on: date | None = None
    notice_announced: date | None = None
    end_announced: date | None = None
