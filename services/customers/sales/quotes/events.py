"""The events and problems of quotes. No event contains a text about the customer."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Money, Problem
from services.customers.sales import tables


class QuoteEvent(Event):
    """The fields of every event about a quote."""

    quote_id: UUID
    """The quote."""
    deal_id: UUID
    """The deal."""
    customer_id: UUID
    """The customer."""
    number: Annotated[int, Field(description="The number of the quote, which its versions share.", examples=[17])]
    revision: Annotated[int, Field(description="The version of the quote, from 1.", examples=[1])]
    total: Money
    """The sum of the lines with their taxes."""
    valid_until: date
    """The last day on which it can be accepted."""


class QuoteCreated(QuoteEvent, type="customers.quote_created.v1", partition_key="customer_id"):
    """A quote, or a new version of one, was created."""

    created_at: datetime
    """When it was created."""


class QuoteSent(QuoteEvent, type="customers.quote_sent.v1", partition_key="customer_id"):
    """A quote was sent to the customer, and does not change any more."""

    sent_at: datetime
    """When it was sent."""


class QuoteAccepted(QuoteEvent, type="customers.quote_accepted.v1", partition_key="customer_id"):
    """The customer accepted a quote."""

    decided_at: datetime
    """When it was accepted."""


class QuoteDeclined(QuoteEvent, type="customers.quote_declined.v1", partition_key="customer_id"):
    """The customer declined a quote."""

    decided_at: datetime
    """When it was declined."""


class QuoteExpired(QuoteEvent, type="customers.quote_expired.v1", partition_key="customer_id"):
    """A quote that was sent was neither accepted nor declined in time."""


class EmptyDeal(Problem, status=409):
    """The deal has no lines, so there is nothing to quote.

    Set its lines first: `PUT /v1/deals/{id}/lines`.
    """


class QuoteNotDraft(Problem, status=409):
    """The quote was sent, and does not change any more.

    Create a new version: `POST /v1/quotes/{id}/versions`.
    """


class QuoteNotSent(Problem, status=409):
    """Only a quote that was sent, and is not decided yet, can be accepted or declined.

    Read its state. A version that was replaced stays as it is: decide about the newest.
    """


class QuoteFinal(Problem, status=409):
    """The quote was accepted, or was replaced by a newer version.

    Make a new version of the newest one, or another quote of the deal.
    """


class QuoteOutOfDate(Problem, status=409):
    """The last day of the quote is over.

    Create a new version with a later `valid_until`.
    """


def total_of(quote: tables.Quote) -> Money:
    """Return the sum of a quote's lines with their taxes."""
    return Money.of(quote.net_minor + quote.tax_minor, quote.currency)
