"""The operations on a member's points, and the reactions that move them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis import Feature, Page, Paged, Work, page, shown
from services.loyalty import rules
from services.loyalty.features.points.earning import award_points
from services.loyalty.features.points.facts import PurchaseRecorded, PurchaseRefunded
from services.loyalty.features.points.reversing import reverse_early_refunds, reverse_refund
from services.loyalty.model import PointsEntry, Wallet

feature = Feature("points")


class ExpiringPoints(BaseModel):
    """Points that can be spent until a moment."""

    at: datetime
    points: int


class PointsBalance(BaseModel):
    """A membership's points at a moment."""

    pending: int
    available: int
    reserved: int
    debt: int
    as_of: datetime
    expiring: list[ExpiringPoints]


class LedgerEntry(BaseModel):
    """Points that moved from one bucket to another, and why."""

    id: UUID
    kind: str
    from_bucket: str
    to_bucket: str
    points: int
    source_type: str
    source_id: str
    rule_id: UUID | None
    rule_version: int | None
    occurred_at: datetime
    recorded_at: datetime


@feature.on_batch(PurchaseRecorded)
async def award_points_for_purchases(work: Work, purchases: Sequence[PurchaseRecorded]) -> None:
    """Awards points for each purchase, and takes back what refunds that came before their purchase ask for."""
    awarded = await award_points(work, purchases)
    await reverse_early_refunds(work, awarded)


@feature.on(PurchaseRefunded)
async def take_back_points_for_a_refund(work: Work, refund: PurchaseRefunded) -> None:
    """Takes back what the purchase no longer deserves; a refund that comes first waits for its purchase."""
    await reverse_refund(work, refund)


@feature.get("/memberships/{id:uuid}/balance", scope="loyalty:read")
async def read_balance(work: Work, id: UUID) -> PointsBalance:
    """What a member has, and what of it will expire when."""
    wallet = await work.get(Wallet, id)
    due = await work.fetch(
        "select points from redemption where membership_id = $1 and state = 'reserved' and hold_ends_at <= $2 "
        "order by hold_ends_at, id",
        id,
        work.now,
    )
    for hold in due:  # holds that are over by now: whoever moves points next will release them
        paid, available = rules.split_credit(hold["points"], wallet.debt)
        wallet.reserved -= hold["points"]
        wallet.debt -= paid
        wallet.available += available
    expiring = await work.fetch(
        """
        select expires_at as at, sum(remaining)::bigint as points from lot
        where membership_id = $1 and remaining > 0 and expires_at is not null group by expires_at order by expires_at
        """,
        id,
    )
    return PointsBalance(
        pending=wallet.pending,
        available=wallet.available,
        reserved=wallet.reserved,
        debt=wallet.debt,
        as_of=work.now,
        expiring=[ExpiringPoints(at=row["at"], points=row["points"]) for row in expiring],
    )


@feature.get("/memberships/{id:uuid}/entries", scope="loyalty:read")
async def list_entries(work: Work, id: UUID, paging: Paged) -> Page[LedgerEntry]:
    """Every movement of a member's points, newest first."""
    await work.get(Wallet, id)
    return await page(work, paging, PointsEntry, entry_of, sort="-id", where={"membership_id": id})


def entry_of(row: Mapping[str, Any]) -> LedgerEntry:
    """An entry as it is shown."""
    return shown(LedgerEntry, row)
