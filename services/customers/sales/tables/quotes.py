"""Quotes, and the series of their numbers."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, choice, document, index, long_text, timestamp, unique
from services.customers.base import Base
from services.customers.sales.rules.lines import DiscountState
from services.customers.sales.rules.quotes import QuoteLineDocument, QuoteState


class NumberSeries(Base, table=True):
    """The last number of a series without gaps. Its lock is held until the record with the number is committed."""

    __tablename__ = "number_series"
    __table_args__ = (unique("name"),)

    name: str
    last_number: int = bigint()


class Quote(Versioned, Base, table=True):
    """An offer of a deal's lines at a time. Versions share a number, and only the newest can be sent."""

    __tablename__ = "quote"
    __table_args__ = (
        belongs_to("customer_id", "customer"),
        belongs_to("deal_id", "deal"),
        unique("number", "revision"),
        index("customer_id", "created_at", "id"),
        index("deal_id", "created_at", "id"),
        index("created_at", "id"),
        index("updated_at", "id"),
        index("valid_until", "id", postgresql_where=text("state = 'sent'")),
    )
    audited: ClassVar[bool] = True
    persons: ClassVar[tuple[Person, ...]] = (
        Person(erase="anonymise", cleared=("customer_name", "customer_address", "note", "decline_reason")),
    )

    customer_id: UUID
    deal_id: UUID
    number: int = bigint()
    revision: int
    state: QuoteState = choice(QuoteState, "state", default="draft")
    customer_name: str | None = None
    customer_address: str | None = None
    currency: str
    lines: list[QuoteLineDocument] = document()
    net_minor: int = bigint()
    tax_minor: int = bigint()
    discount_percent: str
    discount_state: DiscountState = choice(DiscountState, "discount_state")
    valid_until: date
    note: str | None = long_text(default=None)
    sent_at: datetime | None = timestamp(nullable=True, default=None)
    decided_at: datetime | None = timestamp(nullable=True, default=None)
    decline_reason: str | None = long_text(default=None)
