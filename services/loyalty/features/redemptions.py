"""Redemptions: members spend points. They are held first and then captured or released, or captured at once.

The answer is synchronous and final: nobody spends points that they do not have, however many try at once. A hold that
is neither captured nor released in its time comes back by itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import Event, Feature, Problem, WholeNumber, Wire, Work, shown, uuid7
from services.loyalty.account import Account, Reason
from services.loyalty.model import LotAllocation, Membership
from services.loyalty.model import Redemption as Row
from services.loyalty.operations import NotEnoughPoints, PointsReleased, open_account, save

feature = Feature("redemptions")

HOLD_SECONDS, LONGEST_HOLD_SECONDS = 900, 2_592_000


class PointsReserved(Event, type="loyalty.points_reserved.v1", key="customer_id"):
    """Points are held for something that a member wants."""

    customer_id: UUID
    membership_id: UUID
    redemption_id: UUID
    points: int
    available: int
    hold_ends_at: datetime


class PointsRedeemed(Event, type="loyalty.points_redeemed.v1", key="customer_id"):
    """Points were spent."""

    customer_id: UUID
    membership_id: UUID
    redemption_id: UUID
    points: int
    available: int


class AlreadyCaptured(Problem, status=409):
    """The points are spent: they cannot be released any more."""


class AlreadyReleased(Problem, status=409):
    """The points have gone back: they cannot be captured any more."""


class NewRedemption(Wire):
    """Points that a member wants to spend."""

    points: Annotated[WholeNumber, Field(ge=1, le=10**15)]
    mode: Literal["reserve", "capture"]
    expires_in_seconds: Annotated[WholeNumber, Field(ge=1, le=LONGEST_HOLD_SECONDS)] | None = None


class Redemption(BaseModel):
    """Points that a member spends."""

    id: UUID
    version: int
    membership_id: UUID
    points: int
    state: Literal["reserved", "captured", "released", "expired"]
    hold_ends_at: datetime | None
    created_at: datetime
    updated_at: datetime


@feature.post(
    "/memberships/{id:uuid}/redemptions",
    scope="loyalty:redeem",
    status_code=201,
    refuses=[NotEnoughPoints],
    key_required=True,
)
async def redeem_points(work: Work, id: UUID, wanted: NewRedemption) -> Redemption:
    """Holds points (`reserve`, for fifteen minutes unless told otherwise), or spends them at once (`capture`)."""
    membership = await work.get(Membership, id)
    account = await open_account(work, id)
    if wanted.points > account.available:
        raise NotEnoughPoints(f"{account.available} points are available.", available=account.available)
    held = wanted.mode == "reserve"
    ends = account.now + timedelta(seconds=wanted.expires_in_seconds or HOLD_SECONDS)
    row = Row(
        id=uuid7(),
        membership_id=id,
        points=wanted.points,
        state="reserved" if held else "captured",
        hold_ends_at=ends if held else None,
    )
    reason = Reason("reserve" if held else "capture", "redemption", row.id, account.now)
    if held:
        taken = account.reserve(reason, wanted.points, ends).taken
        work.publish(_reserved(membership, account, row, ends))
    else:
        taken = account.spend(reason, wanted.points)
        work.publish(_redeemed(membership, account, row))
    await work.insert(row)
    allocations = [{"redemption_id": row.id, "lot_id": lot_id, "points": points} for lot_id, points in taken]
    await work.insert_all(LotAllocation, allocations)
    await save(work, account)
    return redemption_of(vars(row))


@feature.get("/redemptions/{id:uuid}", scope="loyalty:read")
async def read_redemption(work: Work, id: UUID) -> Redemption:
    """One redemption. A hold that is over reads as expired, whether or not somebody has released it yet."""
    row = await work.get(Row, id)
    if row.state == "reserved" and row.hold_ends_at is not None and row.hold_ends_at <= work.now:
        row.state, row.version, row.updated_at = "expired", row.version + 1, row.hold_ends_at
    return redemption_of(vars(row))


@feature.post("/redemptions/{id:uuid}/capture", scope="loyalty:redeem", refuses=[AlreadyReleased], key_required=True)
async def capture_redemption(work: Work, id: UUID) -> Redemption:
    """Spends the held points, for good. Captured again, it answers the same."""
    account, row = await _opened(work, id)
    if row.state in ("released", "expired"):
        raise AlreadyReleased(f"The hold has been {row.state}.")
    if row.state == "reserved":
        account.capture(row.id, account.now)
        await work.update(row, state="captured")
        work.publish(_redeemed(await work.get(Membership, row.membership_id), account, row))
    await save(work, account)
    return redemption_of(vars(row))


@feature.post("/redemptions/{id:uuid}/release", scope="loyalty:redeem", refuses=[AlreadyCaptured], key_required=True)
async def release_redemption(work: Work, id: UUID) -> Redemption:
    """Gives the held points back. Released again, or over by itself, it answers the same."""
    account, row = await _opened(work, id)
    if row.state == "captured":
        raise AlreadyCaptured
    if row.state == "reserved":
        debt_paid, expired = account.release(row.id, account.now)
        await work.update(row, state="released")
        membership = await work.get(Membership, row.membership_id)
        work.publish(
            PointsReleased(
                customer_id=membership.customer_id,
                membership_id=membership.id,
                redemption_id=row.id,
                points=row.points,
                debt_paid=debt_paid,
                expired=expired,
                available=account.available,
                reason="released",
            )
        )
    await save(work, account)
    return redemption_of(vars(row))


async def _opened(work: Work, id: UUID) -> tuple[Account, Row]:
    """The redemption and its member's account, which is locked first, as everywhere."""
    account = await open_account(work, (await work.get(Row, id)).membership_id)
    return account, await work.get(Row, id, lock=True)


def _reserved(membership: Membership, account: Account, row: Row, ends: datetime) -> PointsReserved:
    return PointsReserved(
        customer_id=membership.customer_id,
        membership_id=membership.id,
        redemption_id=row.id,
        points=row.points,
        available=account.available,
        hold_ends_at=ends,
    )


def _redeemed(membership: Membership, account: Account, row: Row) -> PointsRedeemed:
    return PointsRedeemed(
        customer_id=membership.customer_id,
        membership_id=membership.id,
        redemption_id=row.id,
        points=row.points,
        available=account.available,
    )


def redemption_of(row: Mapping[str, Any]) -> Redemption:
    """The redemption as it is shown."""
    return shown(Redemption, row)
