"""The operations on a member's points, and the reactions that move them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import Feature, Page, Paged, Work, page, shown
from services.loyalty.features.points.earning import award_points
from services.loyalty.features.points.facts import PurchaseRecorded, PurchaseRefunded
from services.loyalty.features.points.reversing import reverse_early_refunds, reverse_refund
from services.loyalty.model import PointsEntry, Wallet
from services.loyalty.operations import read_account

feature = Feature("points")


class PointsDue(BaseModel):
    """Points to which something happens at a moment."""

    at: datetime
    points: int


class PointsBalance(BaseModel):
    """A membership's points at a moment."""

    pending: int
    available: int
    reserved: int
    debt: int
    as_of: datetime
    activating: list[PointsDue] = Field(description="when the pending points can be spent")
    expiring: list[PointsDue] = Field(description="until when the available points can be spent, those that expire")


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
    """What a member has by now, what of it can be spent when, and until when."""
    account = await read_account(work, id)
    lots = account.lots.values()
    return PointsBalance(
        pending=account.pending,
        available=account.available,
        reserved=account.reserved,
        debt=account.debt,
        as_of=work.now,
        activating=_schedule((lot.activates_at, lot.pending) for lot in lots),
        expiring=_schedule((lot.expires_at, lot.remaining) for lot in lots),
    )


@feature.get("/memberships/{id:uuid}/entries", scope="loyalty:read")
async def list_entries(work: Work, id: UUID, paging: Paged) -> Page[LedgerEntry]:
    """Every movement of a member's points, newest first."""
    await work.get(Wallet, id)
    return await page(work, paging, PointsEntry, entry_of, sort="-id", where={"membership_id": id})


def _schedule(lots: Iterable[tuple[datetime | None, int]]) -> list[PointsDue]:
    """How many points at which moment, the earliest first."""
    due: Counter[datetime] = Counter()
    for at, points in lots:
        if at is not None and points:
            due[at] += points
    return [PointsDue(at=at, points=points) for at, points in sorted(due.items())]


def entry_of(row: Mapping[str, Any]) -> LedgerEntry:
    """An entry as it is shown."""
    return shown(LedgerEntry, row)
