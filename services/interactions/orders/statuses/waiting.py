"""Steps that are sent before their purchase: they wait for it, and the response says so."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query as Parameter

from chassis import (
    Accepted,
    Command,
    Feature,
    Page,
    PageParams,
    PersonErased,
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
from services.interactions.orders.rules.statuses import StatusChangeDocument
from services.interactions.orders.rules.waiting import WaitingState
from services.interactions.orders.statuses.recording import position_of, record_status_change
from services.interactions.orders.statuses.schemas import (
    StatusChange,
    StatusChangeBySourceCreate,
    StatusChangeCreate,
    WaitingStatusChange,
)
from services.interactions.sources.rules import content_hash

feature = Feature("order-statuses")


@feature.post("/purchase-status-changes", scope="interactions:write", raises=[PersonErased, SourceIdReused])
async def record_purchase_status_by_source(
    work: Work, body: StatusChangeBySourceCreate
) -> Upserted[StatusChange] | Accepted[WaitingStatusChange]:
    """Record a step of an order that is named by its source id. Before its purchase, it waits for it (202)."""
    reject_future(work, body.changed_at, "/changed_at")
    purchase = await find_purchase(work, body.purchase)
    if purchase is None:
        await position_of(work, body.status)
        return Accepted(_to_resource(await store_until_purchase(work, _to_row(work, body))))
    row, created = await record_status_change(work, purchase, body, caller=work.actor)
    return Upserted(StatusChange.from_row(row), created)


@feature.get("/waiting-purchase-status-changes", scope="interactions:read")
async def list_waiting_purchase_statuses(
    work: Work,
    params: PageParams,
    state: Annotated[WaitingState | None, Parameter(description="Only steps in this state.")] = None,
) -> Page[WaitingStatusChange]:
    """List the steps that wait for their purchase or were refused when it was recorded, oldest first."""
    return await paginate(work, params, tables.WaitingStatusChange, _to_resource, where=equals(state=state))


@feature.periodic(every=timedelta(seconds=30))
async def record_statuses_that_waited(work: Work) -> bool:
    """Record the waiting steps whose purchase exists, in the order in which they were sent."""
    return await record_due(work, _STATEMENTS, _record)


async def _record(work: UnitOfWork, purchase: tables.Purchase, due: DueRecord) -> None:
    wanted = {name: value for name, value in due.wanted.items() if value is not None}
    body = StatusChangeCreate.model_validate(wanted)
    await record_status_change(work, purchase, body, caller=due.actor or work.actor)


def _to_row(work: UnitOfWork, body: StatusChangeBySourceCreate) -> tables.WaitingStatusChange:
    wanted: StatusChangeDocument = {
        "source": body.source,
        "source_id": body.source_id,
        "changed_at": body.changed_at.isoformat().replace("+00:00", "Z"),
        "status": body.status,
        "payment_status": body.payment_status,
        "actor": body.actor,
        "evidence": body.evidence,
        "tracking": body.tracking,
    }
    return tables.WaitingStatusChange(
        purchase_source=body.purchase.source,
        purchase_source_id=body.purchase.source_id,
        source=body.source,
        source_id=body.source_id,
        changed_at=body.changed_at,
        actor=work.actor,
        wanted=wanted,
        content_hash=content_hash({**wanted, "purchase": body.purchase.values()}),
        recorded_at=work.now,
    )


def _to_resource(row: tables.WaitingStatusChange) -> WaitingStatusChange:
    purchase = NamedPurchase(source=row.purchase_source, source_id=row.purchase_source_id)
    return WaitingStatusChange.from_row(row, purchase=purchase)


_DUE = Query(DueRecord, DUE.format(table="waiting_status_change", actor="waiting.actor"))
_REFUSE = Command(REFUSE.format(table="waiting_status_change"))
_DELETE = Command(DELETE.format(table="waiting_status_change"))
_STATEMENTS = WaitingStatements(_DUE, _REFUSE, _DELETE)
