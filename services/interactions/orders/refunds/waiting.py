"""Refunds that are sent before their purchase: they wait for it, and the response says so.

A source that sends its records in any order names the purchase by its own id. The worker records a waiting refund
within half a minute of its purchase. A refund of more than the remaining amount stays here, refused, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as QueryParameter

from chassis import (
    Accepted,
    Command,
    Feature,
    Page,
    PageParams,
    Problem,
    Query,
    RetryTransaction,
    SourceIdReused,
    UnitOfWork,
    Upserted,
    Work,
    equals,
    paginate,
    reject_future,
)
from services.interactions.orders import rules, tables
from services.interactions.orders.refunds.recording import RefundExceedsPurchase, record_refund
from services.interactions.orders.refunds.routes import to_resource
from services.interactions.orders.refunds.schemas import (
    NamedPurchase,
    Refund,
    RefundBySourceCreate,
    RefundCreate,
    WaitingRefund,
)
from services.interactions.sources.rules import content_hash

feature = Feature("refunds")

BATCH_SIZE = 100


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A waiting refund whose purchase has been recorded."""

    id: UUID
    wanted: rules.RequestedRefundDocument
    purchase_id: UUID


@feature.post("/refunds", scope="interactions:write", raises=[RefundExceedsPurchase, SourceIdReused])
async def refund_purchase_by_source(
    work: Work, body: RefundBySourceCreate
) -> Upserted[Refund] | Accepted[WaitingRefund]:
    """Record a refund of a purchase that is named by its source id. Before its purchase, it waits for it (202)."""
    reject_future(work, body.refunded_at, "/refunded_at")
    named = body.purchase
    purchase = await work.find(tables.Purchase, source=named.source, source_id=named.source_id)
    if purchase is None:
        return Accepted(_to_resource(await _store(work, body)))
    row, created = await record_refund(work, purchase, body)
    return Upserted(to_resource(row), created)


@feature.get("/waiting-refunds", scope="interactions:read")
async def list_waiting_refunds(
    work: Work,
    params: PageParams,
    state: Annotated[rules.WaitingRefundState | None, QueryParameter(description="Only refunds in this state.")] = None,
) -> Page[WaitingRefund]:
    """List the refunds that wait for their purchase or were refused when it was recorded, oldest first."""
    return await paginate(work, params, tables.WaitingRefund, _to_resource, where=equals(state=state))


@feature.periodic(every=timedelta(seconds=30))
async def record_refunds_that_waited(work: Work) -> bool:
    """Record the waiting refunds whose purchase exists, in the order in which they were sent."""
    due = await work.fetch(_DUE, batch_size=BATCH_SIZE)
    for refund in due:
        purchase = await work.get(tables.Purchase, refund.purchase_id)
        try:
            await record_refund(work, purchase, _to_body(refund.wanted))
        except Problem as problem:
            await work.execute(_REFUSE, id=refund.id, problem=f"{problem.code}: {problem.detail}")
        else:
            await work.execute(_DELETE, id=refund.id)
    return len(due) == BATCH_SIZE


async def _store(work: UnitOfWork, body: RefundBySourceCreate) -> tables.WaitingRefund:
    """Store a refund until its purchase exists. Returns the stored refund for a repeat. Raises SourceIdReused."""
    document = _to_document(body)
    row = tables.WaitingRefund(
        purchase_source=body.purchase.source,
        purchase_source_id=body.purchase.source_id,
        source=body.source,
        source_id=body.source_id,
        refunded_at=body.refunded_at,
        wanted=document,
        content_hash=content_hash({**document, "purchase": body.purchase.values()}),
        recorded_at=work.now,
    )
    stored = await work.insert_or_ignore(row)
    if stored is not None:
        return stored
    existing = await work.find(tables.WaitingRefund, source=body.source, source_id=body.source_id)
    if existing is None:
        raise RetryTransaction  # the worker has just recorded it, so the next attempt finds its purchase
    if existing.content_hash != row.content_hash:
        raise SourceIdReused
    return existing


def _to_document(body: RefundCreate) -> rules.RequestedRefundDocument:
    """Return a refund as it is stored. Its figures are plain: "1" and "1.000" are the same quantity."""
    lines: list[rules.RequestedLineDocument] = [
        {
            "number": line.number,
            "quantity": None if line.quantity is None else rules.plain(line.quantity),
            "amount": _plain(line.amount),
        }
        for line in body.lines or []
    ]
    return {
        "source": body.source,
        "source_id": body.source_id,
        "refunded_at": body.refunded_at.isoformat().replace("+00:00", "Z"),
        "lines": None if body.lines is None else lines,
        "amount": _plain(body.amount),
    }


def _to_body(document: rules.RequestedRefundDocument) -> RefundCreate:
    """Return a stored refund as a request contains it: without nulls."""
    values = _without_nulls(document)
    if document["lines"] is not None:
        values["lines"] = [_without_nulls(line) for line in document["lines"]]
    return RefundCreate.model_validate(values)


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _plain(amount: str | None) -> str | None:
    return None if amount is None else rules.plain(Decimal(amount))


def _to_resource(row: tables.WaitingRefund) -> WaitingRefund:
    purchase = NamedPurchase(source=row.purchase_source, source_id=row.purchase_source_id)
    return WaitingRefund.from_row(row, purchase=purchase)


_DUE = Query(
    DueRefund,
    """
    select waiting_refund.id, wanted, purchase.id as purchase_id
    from waiting_refund
    join purchase on purchase.source = purchase_source and purchase.source_id = purchase_source_id
    where state = 'waiting' order by waiting_refund.id limit :batch_size
    for no key update of waiting_refund skip locked
    """,
)
_REFUSE = Command("update waiting_refund set state = 'refused', problem = :problem where id = :id")
_DELETE = Command("delete from waiting_refund where id = :id")
