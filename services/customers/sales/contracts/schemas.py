"""Request and response bodies of contracts."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from chassis import (
    Amount,
    CurrentCurrency,
    Day,
    Fields,
    JsonObject,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    text_from_minor,
)
from services.customers.sales import tables
from services.customers.sales.queries.deal_fields import PositiveAmount
from services.customers.sales.rules.contracts import ContractEndReason, ContractState, Renewal


class ContractFields(Fields):
    """The fields that are null if nothing is known."""

    owner_id: Reference | None = None
    """The person in charge: an id of your own."""
    ends_on: Day | None = None
    """Its last day. Null: without an end."""
    renewal_months: Annotated[int, Field(strict=True, ge=1, le=600)] | None = None
    """How long a renewal lasts."""
    notice_days: Annotated[int, Field(strict=True, ge=0, le=3650)] | None = None
    """How long before its end a notice is due."""


class ContractValues(ContractFields):
    """The fields that a request may set."""

    product_ids: Annotated[list[UUID], Field(max_length=200)] | None = None
    """The products that it is about."""
    amount: PositiveAmount | None = None
    """The amount: a decimal string."""
    currency: CurrentCurrency | None = None
    """The currency of the amount. Default: that of the tenant."""
    custom: JsonObject | None = None
    """Fields of your own: a JSON object of at most 65,536 bytes."""


class ContractCreate(ContractValues, RequestBody):
    """A contract to create."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "name": "Service of ten kettles",
        "starts_on": "2026-07-01",
        "ends_on": "2027-06-30",
        "renewal": "automatic",
        "renewal_months": 12,
        "notice_days": 30,
    }

    customer_id: UUID
    """The customer."""
    deal_id: UUID | None = None
    """The deal that led to it. It is one of the same customer."""
    name: Line
    """The name of the contract."""
    starts_on: Day
    """Its first day."""
    renewal: Renewal = "none"
    """The effect of its end: none, a decision, or another term of `renewal_months`."""


class ContractUpdate(ContractValues, MergePatch):
    """Fields to change: null clears a field, `custom` is merged."""

    example = {"notice_days": 60}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "starts_on", "renewal"))

    name: Line | None = None
    """The name of the contract."""
    starts_on: Day | None = None
    """Its first day."""
    renewal: Renewal | None = None
    """The effect of its end."""


class ContractRenewRequest(RequestBody):
    """A new term of a contract."""

    example = {"ends_on": "2030-06-30"}

    ends_on: Day | None = None
    """The new last day. Default: `renewal_months` later."""


class ContractEndRequest(RequestBody):
    """The end of a contract."""

    example = {"reason": "moved"}

    reason: ContractEndReason
    """Why it ends."""
    ended_on: Day | None = None
    """Its last day. Default: today."""
    note: MultilineText | None = None
    """A remark."""


class Contract(ContractFields, Resource, row=tables.Contract, computed=("amount",), etag="version"):
    """A contract with a customer."""

    id: UUID
    """Identifies the contract."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    deal_id: UUID | None
    """The deal that led to it, or null."""
    name: str
    """The name of the contract."""
    product_ids: list[UUID]
    """The products that it is about."""
    amount: Amount | None
    """The amount: a decimal string."""
    currency: str | None
    """The currency of the amount, by its ISO 4217 code."""
    starts_on: date
    """Its first day."""
    ends_on: date | None
    """Its last day, or null without an end."""
    last_notice_on: date | None
    """The last day on which a notice is in time, or null."""
    renewal: Renewal
    """The effect of its end."""
    state: ContractState
    """Whether it is active or has ended."""
    ended_on: date | None
    """The day on which it ended, or null."""
    end_reason: ContractEndReason | None
    """Why it ended, or null."""
    end_note: str | None
    """A remark on its end, or null."""
    custom: JsonObject
    """Fields of your own."""
    created_at: datetime
    """When the contract was created."""
    updated_at: datetime
    """When the contract last changed."""

    @classmethod
    def of(cls, row: tables.Contract) -> Self:
        """Return a contract."""
        known = row.amount_minor is not None and row.currency is not None
        amount = text_from_minor(row.amount_minor or 0, row.currency or "") if known else None
        return cls.from_row(row, amount=amount)
