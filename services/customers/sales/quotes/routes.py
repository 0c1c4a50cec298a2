"""The operations that create, read, change, list and render quotes."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, cast
from uuid import UUID

import structlog
from fastapi import Depends, Request, Response
from fastapi import Query as Parameter

from chassis import (
    MAX_MINOR,
    TOO_LARGE,
    UNKNOWN_RECORD,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Query,
    RecordTooLarge,
    Running,
    TimeRange,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    day_range,
    equals,
    is_unchanged,
    of_person,
    paginate,
)
from services.customers.people.tables import Customer
from services.customers.sales import tables
from services.customers.sales.queries.deals import DealClosed
from services.customers.sales.queries.named import TimeSort, today
from services.customers.sales.quotes import document
from services.customers.sales.quotes.events import EmptyDeal, QuoteCreated, QuoteFinal, QuoteNotDraft, total_of
from services.customers.sales.quotes.fonts import fonts_for
from services.customers.sales.quotes.schemas import Quote, QuoteCreate, QuoteTerms, QuoteUpdate, QuoteVersionCreate
from services.customers.sales.rules import quotes as rules
from services.customers.sales.rules.quotes import QuoteState
from services.customers.settings import Settings

feature = Feature("quotes")
log = structlog.get_logger(__name__)


class PdfDocument(Response):
    """The document, as PDF."""

    media_type = "application/pdf"


@feature.post("/quotes", scope="customers:write", status_code=201, raises=[DealClosed, EmptyDeal, RecordTooLarge])
async def create_quote(work: Work, body: QuoteCreate) -> Quote:
    """Create a draft of the deal's lines. Its number follows the last one, without a gap."""
    deal = await work.find(tables.Deal, id=body.deal_id, for_update=True)
    if deal is None:
        raise ValidationFailed.field("/deal_id", UNKNOWN_RECORD, f"no deal has the id {body.deal_id}")
    columns = await _columns(work, deal, body)
    # The series is locked until the commit, so that a number of a transaction that fails is given again.
    number = await work.fetch_row(_NEXT_NUMBER)
    return await _insert(work, tables.Quote(**columns, number=number, revision=1))


@feature.post(
    "/quotes/{id:uuid}/versions",
    scope="customers:write",
    status_code=201,
    raises=[DealClosed, EmptyDeal, QuoteFinal, RecordTooLarge],
)
async def create_quote_version(work: Work, id: UUID, body: QuoteVersionCreate) -> Quote:
    """Replace a quote by a new version, a draft with the lines of the deal as they are now."""
    deal = await work.get(tables.Deal, (await work.get(tables.Quote, id)).deal_id, for_update=True)
    former = await work.get(tables.Quote, id, for_update=True)
    if former.state in ("accepted", "replaced"):
        raise QuoteFinal(f"The quote is {former.state}.")
    columns = await _columns(work, deal, body)
    await work.update(former, state="replaced")
    return await _insert(work, tables.Quote(**columns, number=former.number, revision=former.revision + 1))


@feature.get("/quotes", scope="customers:read")
async def list_quotes(
    work: Work,
    params: PageParams,
    valid_until: Annotated[TimeRange, Depends(day_range("valid_until"))],
    deal_id: Annotated[UUID | None, Parameter(description="Only quotes of this deal.")] = None,
    customer_id: Annotated[UUID | None, Parameter(description="Only quotes for this customer.")] = None,
    number: Annotated[int | None, Parameter(ge=1, le=10**15, description="Only versions of this quote.")] = None,
    state: Annotated[list[QuoteState] | None, Parameter(description="Any of these states.")] = None,
    sort: Annotated[TimeSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Quote]:
    """List quotes with their lines."""
    where = [*of_person(customer_id), *equals(deal_id=deal_id, number=number, state=state), *valid_until.filters]
    return await paginate(work, params, tables.Quote, Quote.of, sort=sort, where=where)


@feature.get("/quotes/{id:uuid}", scope="customers:read")
async def read_quote(work: Work, id: UUID) -> Quote:
    """Return a quote."""
    return Quote.of(await work.get(tables.Quote, id))


@feature.patch("/quotes/{id:uuid}", scope="customers:write", raises=[QuoteNotDraft, RecordTooLarge, VersionMismatch])
async def update_quote(work: Work, id: UUID, body: QuoteUpdate, if_match: IfMatch) -> Quote:
    """Change the terms of a draft."""
    quote = await work.get(tables.Quote, id, for_update=True)
    work.check_version(quote, if_match)
    if quote.state != "draft":
        raise QuoteNotDraft(f"The quote is {quote.state}.")
    return Quote.of(await work.update(quote, **body.changes()))


@feature.get("/quotes/{id:uuid}/document", scope="customers:read", expensive=True)
async def render_quote(work: Work, id: UUID, request: Request, running: Running) -> PdfDocument:
    """Return the document of a quote as PDF.

    The fonts have Latin, Cyrillic, Greek, Arabic, Hebrew, Thai, Devanagari, Chinese, Japanese and Korean letters. Other
    ones take the font of the setting `QUOTE_FONT`. Without one, each is a question mark, and a line below names it.
    """
    quote = await work.get(tables.Quote, id)
    content = document.content_of(quote, work.tenant.name)
    fonts = await asyncio.to_thread(fonts_for, content.text, cast(Settings, running.settings).quote_font)
    tag = f'"{content.digest}-{fonts.digest}"'
    if is_unchanged(request.headers.get("if-none-match"), tag):
        return PdfDocument(status_code=304, headers={"ETag": tag})
    if fonts.missing:
        log.warning("characters of a quote not printable", quote_id=str(id), characters=len(fonts.missing))
    name = f"quote-{quote.number}-{quote.revision}.pdf"
    headers = {"ETag": tag, "Content-Disposition": f'inline; filename="{name}"'}
    return PdfDocument(await asyncio.to_thread(document.render, content, fonts), headers=headers)


async def _insert(work: UnitOfWork, row: tables.Quote) -> Quote:
    quote = await work.insert(row)
    work.publish(QuoteCreated.from_row(quote, quote_id=quote.id, total=total_of(quote)))
    return Quote.of(quote)


async def _columns(work: UnitOfWork, deal: tables.Deal, terms: QuoteTerms) -> dict[str, Any]:
    """Return the columns of a quote of a locked deal. Raises EmptyDeal and DealClosed."""
    if deal.state == "lost":
        raise DealClosed("The deal is lost.")
    if not deal.lines:
        raise EmptyDeal
    rates = {each.number: each.tax_rate for each in terms.line_taxes or []}
    for index, each in enumerate(terms.line_taxes or []):
        if each.number > len(deal.lines):
            text = f"the deal has no line {each.number}"
            raise ValidationFailed.field(f"/line_taxes/{index}/number", UNKNOWN_RECORD, text)
    lines = rules.with_tax(deal.lines, rates, terms.tax_rate, deal.currency)
    net, tax = rules.totals(lines, deal.currency)
    if net + tax > MAX_MINOR:
        raise ValidationFailed.field("/tax_rate", TOO_LARGE, "the total would be too large")
    customer = await work.get(Customer, deal.customer_id)
    return {
        "customer_id": deal.customer_id,
        "deal_id": deal.id,
        "customer_name": document.name_of(customer),
        "customer_address": document.address_of(customer),
        "currency": deal.currency,
        "lines": lines,
        "net_minor": net,
        "tax_minor": tax,
        "discount_percent": deal.discount_percent,
        "discount_state": deal.discount_state,
        "valid_until": terms.valid_until or today(work) + timedelta(days=rules.VALID_DAYS),
        "note": terms.note,
    }


_NEXT_NUMBER = Query(
    int,
    """
    insert into number_series (name, last_number) values ('quote', 1)
    on conflict (tenant_id, name) do update set last_number = number_series.last_number + 1
    returning last_number
    """,
)
