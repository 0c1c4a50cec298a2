"""Refunds that are sent before their purchase: they wait for it, and the response says so.

A source that sends its records in any order names the purchase by its own id. The worker records a waiting refund
within half a minute of its purchase. A refund of more than the remaining amount stays here, refused, with the reason.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Query as QueryParameter

from chassis import (
    Accepted,
    Command,
    Feature,
    Page,
    PageParams,
    Query,
    SourceIdReused,
    UnitOfWork,
    Upserted,
    Work,
    equals,
    paginate,
    reject_future,
)
from services.interactions.orders import tables
from services.interactions.orders.queries.refund_bodies import (
    Refund,
    RefundBySourceCreate,
    RefundCreate,
    WaitingRefund,
    to_resource,
)
from services.interactions.orders.queries.refunds import RefundExceedsPurchase, record_refund
from services.interactions.orders.queries.waiting import (
    DELETE,
    DUE,
    REFUSE,
    DueRecord,
    NamedPurchase,
    WaitingStatements,
    find_purchase,
    record_due,
    store_until_purchase,
)
from services.interactions.orders.rules import amounts
from services.interactions.orders.rules.waiting import WaitingRefundState
from services.interactions.sources.rules import content_hash

feature = Feature("refunds")


@feature.post("/refunds", scope="interactions:write", raises=[RefundExceedsPurchase, SourceIdReused])
async def refund_purchase_by_source(
    work: Work, body: RefundBySourceCreate
) -> Upserted[Refund] | Accepted[WaitingRefund]:
    """Record a refund of a purchase that is named by its source id. Before its purchase, it waits for it (202)."""
    reject_future(work, body.refunded_at, "/refunded_at")
    purchase = await find_purchase(work, body.purchase)
    if purchase is None:
        return Accepted(_to_resource(await store_until_purchase(work, _to_row(work, body))))
    row, created = await record_refund(work, purchase, body)
    return Upserted(to_resource(row), created)


@feature.get("/waiting-refunds", scope="interactions:read")
async def list_waiting_refunds(
    work: Work,
    params: PageParams,
    state: Annotated[WaitingRefundState | None, QueryParameter(description="Only refunds in this state.")] = None,
) -> Page[WaitingRefund]:
    """List the refunds that wait for their purchase or were refused when it was recorded, oldest first."""
    return await paginate(work, params, tables.WaitingRefund, _to_resource, where=equals(state=state))


@feature.periodic(every=timedelta(seconds=30))
async def record_refunds_that_waited(work: Work) -> bool:
    """Record the waiting refunds whose purchase exists, in the order in which they were sent."""
    return await record_due(work, _STATEMENTS, _record)


async def _record(work: UnitOfWork, purchase: tables.Purchase, due: DueRecord) -> None:
    await record_refund(work, purchase, _to_body(due.wanted))


def _to_row(work: UnitOfWork, body: RefundBySourceCreate) -> tables.WaitingRefund:
    document = _to_document(body)
    return tables.WaitingRefund(
        purchase_source=body.purchase.source,
        purchase_source_id=body.purchase.source_id,
        source=body.source,
        source_id=body.source_id,
        refunded_at=body.refunded_at,
        wanted=document,
        content_hash=content_hash({**document, "purchase": body.purchase.values()}),
        recorded_at=work.now,
    )


def _to_document(body: RefundCreate) -> amounts.RequestedRefundDocument:
    """Return a refund as it is stored. Its figures are plain: "1" and "1.000" are the same quantity."""
    lines: list[amounts.RequestedLineDocument] = [
        {
            "number": line.number,
            "quantity": None if line.quantity is None else amounts.plain(line.quantity),
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


def _to_body(document: Mapping[str, Any]) -> RefundCreate:
    """Return a stored refund as a request contains it: without nulls."""
    values = _without_nulls(document)
    if document["lines"] is not None:
        values["lines"] = [_without_nulls(line) for line in document["lines"]]
    return RefundCreate.model_validate(values)


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _plain(amount: str | None) -> str | None:
    return None if amount is None else amounts.plain(Decimal(amount))


def _to_resource(row: tables.WaitingRefund) -> WaitingRefund:
    purchase = NamedPurchase(source=row.purchase_source, source_id=row.purchase_source_id)
    return WaitingRefund.from_row(row, purchase=purchase)


_DUE = Query(DueRecord, DUE.format(table="waiting_refund", actor="null::text"))
_REFUSE = Command(REFUSE.format(table="waiting_refund"))
_DELETE = Command(DELETE.format(table="waiting_refund"))
_STATEMENTS = WaitingStatements(_DUE, _REFUSE, _DELETE)
