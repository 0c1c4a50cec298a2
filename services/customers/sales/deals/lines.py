"""The lines of a deal. The deal's amount is their sum, and a discount above its author's limit needs an approval."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis import (
    MAX_MINOR,
    REQUIRED,
    TOO_LARGE,
    UNKNOWN_RECORD,
    Command,
    Feature,
    IfMatch,
    Query,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    text_from_minor,
)
from services.customers.sales import tables
from services.customers.sales.deals.events import DealUpdated
from services.customers.sales.deals.schemas import DealLineCreate, DealLines, DealLinesUpdate
from services.customers.sales.queries.deals import (
    DealClosed,
    StageFieldsMissing,
    amount_of,
    change_deal,
    keep_required_fields,
)
from services.customers.sales.queries.named import ProductRetired
from services.customers.sales.rules import lines as rules

feature = Feature("deals")


@feature.get("/deals/{id:uuid}/lines", scope="customers:read")
async def read_deal_lines(work: Work, id: UUID) -> DealLines:
    """Return the lines of a deal, with its total and its discount."""
    return _to_lines(await work.get(tables.Deal, id))


@feature.put(
    "/deals/{id:uuid}/lines",
    scope="customers:write",
    raises=[DealClosed, ProductRetired, RecordTooLarge, StageFieldsMissing, VersionMismatch],
)
async def replace_deal_lines(work: Work, id: UUID, body: DealLinesUpdate, if_match: IfMatch) -> DealLines:
    """Set the lines of a deal, and thereby its amount.

    The caller is the author of the discount. One that is above the caller's limit must be approved before the deal is
    won. An approval covers the deal's later discounts up to the same percentage.
    """
    before = await work.get(tables.Deal, id, for_update=True)
    work.check_version(before, if_match)
    if before.state != "open":
        raise DealClosed(f"The deal is {before.state}.")
    documents, amounts = await _documents(work, before, body.lines)
    if documents == before.lines:
        return _to_lines(before)
    changes = {"lines": documents, "amount_minor": _total(amounts, before.currency) if documents else None}
    changes |= await _discount(work, before, amounts)
    stage = await work.get(tables.Stage, before.stage_id)
    keep_required_fields(before, before.replace(**changes), stage)
    await work.execute(_SUPERSEDE, deal_id=id, now=work.now)
    deal = await change_deal(work, before, stage, **changes)
    changed = ["amount", "lines"] if deal.amount_minor != before.amount_minor else ["lines"]
    work.publish(DealUpdated.from_row(deal, deal_id=id, amount=amount_of(deal), changed=changed))
    return _to_lines(deal)


async def _discount(work: UnitOfWork, deal: tables.Deal, amounts: Sequence[rules.LineAmount]) -> dict[str, Any]:
    """Return the columns of the discount that the caller grants."""
    pipeline = await work.get(tables.Pipeline, deal.pipeline_id)
    limit = rules.discount_limit(pipeline.discount_limits, pipeline.discount_percent, work.actor)
    percent = rules.discount_percent(amounts)
    approved = None if deal.approved_percent is None else Decimal(deal.approved_percent)
    return {
        "discount_percent": str(percent),
        "discount_state": rules.discount_state(percent, limit, approved),
        "discounted_by": work.actor,
    }


async def _documents(
    work: UnitOfWork, deal: tables.Deal, lines: Sequence[DealLineCreate]
) -> tuple[list[rules.DealLineDocument], list[rules.LineAmount]]:
    """Return the lines as they are stored, and their amounts."""
    ids = {line.product_id for line in lines if line.product_id is not None}
    products = {product.id: product for product in await work.fetch(_PRODUCTS, ids=list(ids))}
    sold_before = {line["product_id"] for line in deal.lines}
    documents, amounts = [], []
    for index, line in enumerate(lines):
        product = _product_of(products, line, index)
        if product is not None and product.state == "retired" and str(product.id) not in sold_before:
            raise ProductRetired(f"{product.sku} is retired.", pointer=f"/lines/{index}/product_id")
        document, amount = _document(deal.currency, index, line, product)
        documents.append(document)
        amounts.append(amount)
    return documents, amounts


def _product_of(products: Mapping[UUID, tables.Product], line: DealLineCreate, index: int) -> tables.Product | None:
    if line.product_id is not None and line.product_id not in products:
        text = f"no product has the id {line.product_id}"
        raise ValidationFailed.field(f"/lines/{index}/product_id", UNKNOWN_RECORD, text)
    return None if line.product_id is None else products[line.product_id]


def _document(
    currency: str, index: int, line: DealLineCreate, product: tables.Product | None
) -> tuple[rules.DealLineDocument, rules.LineAmount]:
    listed = product.list_price if product is not None and product.currency == currency else None
    list_price = None if listed is None else Decimal(listed)
    unit_price = list_price if line.unit_price is None else line.unit_price
    name = line.name or (product.name if product is not None else None)
    if unit_price is None or name is None:
        field = "name" if name is None else "unit_price"
        text = f"a {field} is expected, because no product of the line has one"
        raise ValidationFailed.field(f"/lines/{index}/{field}", REQUIRED, text)
    try:
        amount = rules.line_amount(line.quantity, unit_price, list_price, line.discount, currency)
    except rules.InvalidLine as error:
        raise ValidationFailed.field(f"/lines/{index}/{error.location}", error.code, str(error)) from None
    document: rules.DealLineDocument = {
        "number": index + 1,
        "product_id": None if product is None else str(product.id),
        "sku": None if product is None else product.sku,
        "name": name,
        "quantity": format(line.quantity.normalize(), "f"),
        "list_price": listed,
        "unit_price": format(unit_price, "f"),
        "discount": text_from_minor(amount.discount, currency),
        "amount": text_from_minor(amount.net, currency),
    }
    return document, amount


def _total(amounts: Sequence[rules.LineAmount], currency: str) -> int:
    total = sum(amount.net for amount in amounts)
    if total > MAX_MINOR:
        text = f"the total must be at most {text_from_minor(MAX_MINOR, currency)}"
        raise ValidationFailed.field("/lines", TOO_LARGE, text)
    return total


def _to_lines(deal: tables.Deal) -> DealLines:
    return DealLines.from_row(deal, deal_id=deal.id, total=amount_of(deal) if deal.lines else None)


_PRODUCTS = Query(tables.Product, "select * from product where id = any(:ids)")
_SUPERSEDE = Command(
    """
    update discount_approval set state = 'superseded', version = version + 1, updated_at = :now
    where deal_id = :deal_id and state = 'waiting'
    """
)
