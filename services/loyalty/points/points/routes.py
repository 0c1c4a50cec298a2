"""The operations on a member's points, and the event handlers that move them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from chassis import Feature, Owned, Page, PageParams, TimeRange, Work, equals, paginate, time_range
from services.loyalty.points import tables
from services.loyalty.points.points.earning import award_points
from services.loyalty.points.points.events import PurchaseRecorded, PurchaseRefunded
from services.loyalty.points.points.reversing import reverse_refund, reverse_refunds_received_early
from services.loyalty.points.points.schemas import LedgerEntry, PointsBalance, PointsDue
from services.loyalty.points.queries.accounts import MAX_DUE_TIMES
from services.loyalty.points.queries.accounts import read_balance as read_points
from services.loyalty.points.rules.vocabulary import LedgerEntryKind

feature = Feature("points")


@feature.on_batch(PurchaseRecorded)
async def award_points_for_purchases(work: Work, purchases: Sequence[PurchaseRecorded]) -> None:
    """Award points for purchases, then reverse those of refunds that were received before their purchase."""
    await reverse_refunds_received_early(work, await award_points(work, purchases))


@feature.on(PurchaseRefunded)
async def reverse_points_for_a_refund(work: Work, refund: PurchaseRefunded) -> None:
    """Reverse points that the purchase no longer earns. A refund that is received first waits for its purchase."""
    await reverse_refund(work, refund)


@feature.get("/memberships/{id:uuid}/balance", scope="loyalty:read", owner=Owned(tables.Membership, "customer_id"))
async def read_balance(work: Work, id: UUID) -> PointsBalance:
    """Return a member's points now, when pending points become available, and when available points expire."""
    balance = await read_points(work, id)
    return PointsBalance.from_row(
        balance.account,
        as_of=work.now,
        activating=_schedule(balance.activating),
        expiring=_schedule(balance.expiring),
    )


@feature.get("/memberships/{id:uuid}/entries", scope="loyalty:read", owner=Owned(tables.Membership, "customer_id"))
async def list_entries(
    work: Work,
    id: UUID,
    params: PageParams,
    occurred_at: Annotated[TimeRange, Depends(time_range("occurred_at"))],
    recorded_at: Annotated[TimeRange, Depends(time_range("recorded_at"))],
    kind: Annotated[list[LedgerEntryKind] | None, Query(description="Only these kinds; may be repeated.")] = None,
) -> Page[LedgerEntry]:
    """List every movement of a member's points, newest first."""
    wallet = await work.get(tables.Wallet, id)
    where = [*equals(membership_id=wallet.id, kind=kind), *occurred_at.filters, *recorded_at.filters]
    return await paginate(work, params, tables.PointsEntry, LedgerEntry, sort="-id", where=where)


def _schedule(due: Counter[datetime]) -> list[PointsDue]:
    """Return how many points change at which time, the earliest first."""
    return [PointsDue(at=at, points=points) for at, points in sorted(due.items()) if points][:MAX_DUE_TIMES]
