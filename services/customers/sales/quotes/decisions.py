"""The states of a quote: it is sent, accepted or declined, or it expires."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from chassis import Feature, IfMatch, Query, UnitOfWork, VersionMismatch, Work
from services.customers.sales import tables
from services.customers.sales.queries.deals import DiscountNotApproved
from services.customers.sales.queries.named import today
from services.customers.sales.quotes.events import (
    QuoteAccepted,
    QuoteDeclined,
    QuoteExpired,
    QuoteNotDraft,
    QuoteNotSent,
    QuoteOutOfDate,
    QuoteSent,
    total_of,
)
from services.customers.sales.quotes.schemas import Quote, QuoteDeclineRequest

feature = Feature("quotes")

BATCH_SIZE = 200


@feature.post(
    "/quotes/{id:uuid}/send",
    scope="customers:write",
    raises=[DiscountNotApproved, QuoteNotDraft, QuoteOutOfDate, VersionMismatch],
)
async def send_quote(work: Work, id: UUID, if_match: IfMatch) -> Quote:
    """Record that a quote is sent. It does not change any more, and its discount must be within limits or approved."""
    quote = await _lock(work, id, if_match)
    if quote.state != "draft":
        raise QuoteNotDraft(f"The quote is {quote.state}.")
    _require_valid(work, quote)
    deal = await work.get(tables.Deal, quote.deal_id)
    approved = deal.approved_percent is not None and Decimal(quote.discount_percent) <= Decimal(deal.approved_percent)
    if quote.discount_state not in ("within_limit", "approved") and not approved:
        raise DiscountNotApproved(f"The discount is {quote.discount_percent} %.")
    quote = await work.update(quote, state="sent", sent_at=work.now)
    work.publish(QuoteSent.from_row(quote, quote_id=id, total=total_of(quote)))
    return Quote.of(quote)


@feature.post(
    "/quotes/{id:uuid}/accept", scope="customers:write", raises=[QuoteNotSent, QuoteOutOfDate, VersionMismatch]
)
async def accept_quote(work: Work, id: UUID, if_match: IfMatch) -> Quote:
    """Record that the customer accepts a quote. The deal is won by an operation of its own."""
    quote = await _lock_sent(work, id, if_match)
    _require_valid(work, quote)
    quote = await work.update(quote, state="accepted", decided_at=work.now)
    work.publish(QuoteAccepted.from_row(quote, quote_id=id, total=total_of(quote)))
    return Quote.of(quote)


@feature.post("/quotes/{id:uuid}/decline", scope="customers:write", raises=[QuoteNotSent, VersionMismatch])
async def decline_quote(work: Work, id: UUID, body: QuoteDeclineRequest, if_match: IfMatch) -> Quote:
    """Record that the customer declines a quote."""
    quote = await _lock_sent(work, id, if_match)
    quote = await work.update(quote, state="declined", decided_at=work.now, decline_reason=body.reason)
    work.publish(QuoteDeclined.from_row(quote, quote_id=id, total=total_of(quote)))
    return Quote.of(quote)


@feature.periodic(every=timedelta(minutes=5))
async def expire_quotes(work: Work) -> bool:
    """Let quotes expire on the day after their last one."""
    quotes = await work.fetch(_LOCK_OVER, today=today(work), batch_size=BATCH_SIZE)
    for quote in quotes:
        expired = await work.update(quote, state="expired")
        work.publish(QuoteExpired.from_row(expired, quote_id=quote.id, total=total_of(quote)))
    return len(quotes) == BATCH_SIZE


async def _lock(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Quote:
    quote = await work.get(tables.Quote, id, for_update=True)
    work.check_version(quote, if_match)
    return quote


async def _lock_sent(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Quote:
    quote = await _lock(work, id, if_match)
    if quote.state != "sent":
        raise QuoteNotSent(f"The quote is {quote.state}.")
    return quote


def _require_valid(work: UnitOfWork, quote: tables.Quote) -> None:
    if quote.valid_until < today(work):
        raise QuoteOutOfDate(f"It was valid until {quote.valid_until}.")


_LOCK_OVER = Query(
    tables.Quote,
    """
    select * from quote where state = 'sent' and valid_until < :today
    order by valid_until, id limit :batch_size for no key update skip locked
    """,
)
