"""Recording steps of orders: each once, with the state of the purchase that follows from all of them."""

from chassis import FieldCode, SourceIdReused, UnitOfWork, ValidationFailed, recorded_person, reject_erased
from services.interactions.orders import tables
from services.interactions.orders.queries.states import lock_purchase, refresh_state, refunded_minor_of
from services.interactions.orders.rules.statuses import POSITIONS, OrderState
from services.interactions.orders.statuses.schemas import PurchaseStatusChanged, StatusChangeCreate
from services.interactions.sources.queries import NewRecord, find_stored, insert_new, new_record

UNKNOWN_STATUS = FieldCode(
    "unknown_order_status",
    "The tenant does not have this status.",
    "Send a status that every tenant has, or add it with `POST /v1/order-statuses`.",
)


async def position_of(work: UnitOfWork, status: str | None) -> int | None:
    """Return the position of a status. Raises ValidationFailed if the tenant does not have it."""
    if status is None:
        return None
    if status in POSITIONS:
        return POSITIONS[status]
    own = await work.find(tables.OrderStatus, status=status)
    if own is None:
        raise ValidationFailed.field("/status", UNKNOWN_STATUS, f"the status {status} does not exist")
    return own.position


async def record_status_change(
    work: UnitOfWork, purchase: tables.Purchase, body: StatusChangeCreate, *, caller: str
) -> tuple[tables.PurchaseStatusChange, bool]:
    """Record a step unless it is recorded already. Returns the stored row, and whether it is new.

    Raises PersonErased, SourceIdReused, and ValidationFailed.
    """
    current = purchase.customer_id
    await reject_erased(work, current)  # its references may name the person
    purchase = purchase.replace(customer_id=await recorded_person(work, purchase))
    await lock_purchase(work, purchase.id)
    record = await _new_record(work, purchase, body, caller)
    stored = (await find_stored(work, tables.PurchaseStatusChange, [body.key])).get(body.key)
    if stored is not None:
        if stored.content_hash != record.content_hash:
            raise SourceIdReused(id=str(stored.id))
        return await work.get(tables.PurchaseStatusChange, stored.id), False
    await insert_new(work, tables.PurchaseStatusChange, [record])
    row = tables.PurchaseStatusChange(**record.columns, tenant_id=work.tenant.id)
    state = await refresh_state(work, purchase, await refunded_minor_of(work, purchase.id))
    work.publish(_to_event(purchase, row, state))
    return row.replace(customer_id=current), True


async def _new_record(work: UnitOfWork, purchase: tables.Purchase, body: StatusChangeCreate, caller: str) -> NewRecord:
    # The content's hash depends on the order of these columns.
    content = {
        "purchase_id": purchase.id,
        "customer_id": purchase.customer_id,
        "source": body.source,
        "source_id": body.source_id,
        "changed_at": body.changed_at,
        "status": body.status,
        "payment_status": body.payment_status,
        "actor": body.actor,
        "evidence": body.evidence,
        "tracking": body.tracking,
    }
    # A repeat by another caller is one as well.
    stored = content | {"actor": body.actor or caller, "position": await position_of(work, body.status)}
    return new_record(work, body.key, purchase.customer_id, stored, hashed=content)


def _to_event(purchase: tables.Purchase, row: tables.PurchaseStatusChange, state: OrderState) -> PurchaseStatusChanged:
    return PurchaseStatusChanged.from_row(
        row,
        change_id=row.id,
        current_status=state.status,
        current_status_at=state.status_at,
        current_payment_status=state.payment_status,
        current_payment_basis=state.payment_basis,
        purchase_source=purchase.source,
        purchase_source_id=purchase.source_id,
        purchased_at=purchase.purchased_at,
        channel=purchase.channel,
        store=purchase.store,
    )
