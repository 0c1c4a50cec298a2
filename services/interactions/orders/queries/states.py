"""The state of a purchase: the status of its order and of its payment, as its steps and refunds say."""

from uuid import UUID

from chassis import Command, Query, UnitOfWork
from services.interactions.orders import tables
from services.interactions.orders.rules.statuses import OrderState, Step, order_state


async def lock_purchase(work: UnitOfWork, id: UUID) -> None:
    """Let the refunds, exchanges and changes of status of a purchase run in sequence, until the commit."""
    # Not a lock of the row: a merge locks the rows of two customers, and would wait for a till.
    await work.execute(_LOCK, purchase=f"refund {id}")


async def refresh_state(work: UnitOfWork, purchase: tables.Purchase, refunded_minor: int) -> OrderState:
    """Compute the state of a locked purchase again, and store it. Returns the state."""
    steps = await work.fetch(_STEPS, id=purchase.id)
    state = order_state(steps, total_minor=purchase.total_minor, refunded_minor=refunded_minor)
    await work.execute(
        _SET_STATE,
        id=purchase.id,
        status=state.status,
        status_at=state.status_at,
        payment_status=state.payment_status,
        payment_basis=state.payment_basis,
    )
    return state


async def refunded_minor_of(work: UnitOfWork, id: UUID) -> int:
    """Return the sum of the refunds of a purchase, in minor units."""
    return await work.fetch_row(_REFUNDED, id=id)


_LOCK = Command("select pg_advisory_xact_lock(hashtextextended(:purchase, 0))")
_STEPS = Query(
    Step,
    "select changed_at, status, position, payment_status from purchase_status_change where purchase_id = :id",
)
_REFUNDED = Query(int, "select coalesce(sum(amount_minor), 0)::bigint from refund where purchase_id = :id")
_SET_STATE = Command(
    """
    update purchase set status = :status, status_at = :status_at, payment_status = :payment_status,
        payment_basis = :payment_basis
    where id = :id and (status, status_at, payment_status, payment_basis)
        is distinct from (:status, :status_at, :payment_status, :payment_basis)
    """
)
