"""Request and response bodies of quotes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from chassis import (
    Amount,
    Day,
    Fields,
    MergePatch,
    Money,
    MultilineText,
    RequestBody,
    Resource,
    decimal_string,
)
from services.customers.sales import tables
from services.customers.sales.queries.deal_fields import DealLine, DiscountFields
from services.customers.sales.quotes.events import total_of
from services.customers.sales.rules.lines import MAX_LINES
from services.customers.sales.rules.quotes import QuoteState

TaxRate = Annotated[Decimal, *decimal_string(1, 4, example="0.21", at_most=Decimal(1))]


class LineTaxCreate(RequestBody):
    """The tax of a line."""

    number: Annotated[int, Field(strict=True, ge=1, le=MAX_LINES)]
    """The number of the line."""
    tax_rate: TaxRate
    """The tax as a share of the amount, between 0 and 1."""


class QuoteTerms(Fields):
    """The terms of a quote, beside the lines of its deal."""

    valid_until: Day | None = None
    """The last day on which it can be accepted. Default: in 30 days."""
    tax_rate: TaxRate | None = None
    """The tax of all lines as a share of their amount, between 0 and 1. Default: none."""
    line_taxes: Annotated[list[LineTaxCreate], Field(max_length=MAX_LINES)] | None = None
    """The tax of single lines instead."""
    note: MultilineText | None = None
    """A text for the customer."""


class QuoteCreate(QuoteTerms, RequestBody):
    """A quote of a deal, as its lines are now."""

    example = {"deal_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120005", "tax_rate": "0.21"}

    deal_id: UUID
    """The deal."""


class QuoteVersionCreate(QuoteTerms, RequestBody):
    """A new version of a quote, with the lines of its deal as they are now."""

    example = {"tax_rate": "0.21", "note": "With ten per cent off, as agreed."}


class QuoteUpdate(MergePatch):
    """Fields of a draft to change."""

    example = {"note": "Free delivery."}
    never_null: ClassVar[frozenset[str]] = frozenset(("valid_until",))

    valid_until: Day | None = None
    """The last day on which it can be accepted."""
    note: MultilineText | None = None
    """A text for the customer."""


class QuoteDeclineRequest(RequestBody):
    """Why a quote is declined."""

    example = {"reason": "Too expensive."}

    reason: MultilineText | None = None
    """The reason."""


class QuoteLine(DealLine):
    """A line of a quote, with its tax."""

    tax_rate: Annotated[str | None, Field(examples=["0.21"])]
    """The tax as a share of the amount, or null without tax."""
    tax: Amount
    """The tax, rounded half up."""


class Quote(DiscountFields, Resource, row=tables.Quote, computed=("net", "tax", "total"), etag="version"):
    """A quote."""

    id: UUID
    """Identifies the version of the quote."""
    version: int
    """Counts the changes of the record. It is the ETag."""
    customer_id: UUID
    """The customer."""
    deal_id: UUID
    """The deal."""
    number: int
    """The number of the quote, from 1 and without gaps. Its versions share it."""
    revision: int
    """The version of the quote, from 1."""
    state: QuoteState
    """Whether it is a draft, was sent and decided, or was replaced by a newer version."""
    customer_name: str | None
    """The name of the customer at the time."""
    customer_address: str | None
    """The primary address of the customer at the time."""
    currency: str
    """The currency of all amounts, by its ISO 4217 code."""
    lines: list[QuoteLine]
    """The lines of the deal at the time."""
    net: Money
    """The sum of the lines without tax."""
    tax: Money
    """The sum of their taxes."""
    total: Money
    """The sum of the lines with their taxes."""
    valid_until: date
    """The last day on which it can be accepted."""
    note: str | None
    """A text for the customer, or null."""
    sent_at: datetime | None
    """When it was sent, or null."""
    decided_at: datetime | None
    """When it was accepted or declined, or null."""
    decline_reason: str | None
    """Why it was declined, or null."""
    created_at: datetime
    """When the version was created."""
    updated_at: datetime
    """When the record last changed."""

    @classmethod
    def of(cls, row: tables.Quote) -> Self:
        """Return a quote with its totals."""
        net, tax = (Money.of(minor, row.currency) for minor in (row.net_minor, row.tax_minor))
        return cls.from_row(row, net=net, tax=tax, total=total_of(row))
