"""Redemptions: members spend points. They are held first and then captured or released, or captured at once.

The response is synchronous and final: a member cannot spend points twice, however many requests run at once. A hold
that is neither captured nor released by its end returns by itself.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field, StrictInt

from chassis import (
    Count,
    Feature,
    Owned,
    Page,
    PageParams,
    Problem,
    Reference,
    RequestBody,
    Resource,
    RetryTransaction,
    TimeRange,
    Work,
    condition,
    equals,
    found_person_sql,
    paginate,
    time_range,
)
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import load_hold, load_spendable_lots, open_account, save
from services.loyalty.points.queries.events import (
    InsufficientPoints,
    PointsReleased,
    RedemptionEvent,
    publish_points,
)
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.lots import Allocations
from services.loyalty.points.rules.moves import Reason
from services.loyalty.points.rules.vocabulary import RedemptionMode, RedemptionState

feature = Feature("redemptions")

HOLD_SECONDS, MAX_HOLD_SECONDS = 900, 2_592_000


class PointsReserved(RedemptionEvent, type="loyalty.points_reserved.v1", partition_key="customer_id"):
    """Points are held for a member until `hold_ends_at`."""

    hold_ends_at: datetime
    """When held points return by themselves."""


class PointsRedeemed(RedemptionEvent, type="loyalty.points_redeemed.v1", partition_key="customer_id"):
    """Points were spent."""


class AlreadyCaptured(Problem, status=409):
    """The points are spent and can no longer be released.

    Give the points back with an adjustment.
    """


class AlreadyReleased(Problem, status=409):
    """The points were returned and can no longer be captured.

    Redeem the points again. A hold that ends returns its points by itself.
    """


class RedemptionCreate(RequestBody):
    """Points that a member wants to spend."""

    example = {"points": 50, "mode": "reserve", "expires_in_seconds": 900}

    points: Count
    """The number of points to spend."""
    mode: RedemptionMode
    """Hold the points first (`reserve`), or spend them at once (`capture`)."""
    expires_in_seconds: Annotated[StrictInt, Field(ge=1, le=MAX_HOLD_SECONDS)] | None = None
    """For how long the points are held: 900 seconds by default. Only with `reserve`."""
    order_reference: Annotated[
        Reference | None,
        Field(examples=["web-000817"]),
    ] = None
    """The client's own number of the order, which the events contain."""


class Redemption(Resource, row=tables.Redemption, etag="version"):
    """Points that a member spends."""

    id: UUID
    """Identifies the redemption."""
    version: int
    """Counts the changes. It is the ETag."""
    membership_id: UUID
    """The membership."""
    points: int
    """The number of points."""
    state: RedemptionState
    """The points are held, spent, returned, or were returned at the end of the hold."""
    hold_ends_at: datetime | None
    """When held points return by themselves, or null if they were spent at once."""
    order_reference: str | None
    """The client's own number of the order, or null."""
    created_at: datetime
    """When the redemption was created."""
    updated_at: datetime
    """When its state last changed."""


class EndedHold(Redemption):
    """A hold that has ended, while its points are not returned yet.

    It has no ETag: the stored version is still that of the hold, and a client could take it for unchanged.
    """

    etag_field: ClassVar[str | None] = None


@feature.post(
    "/memberships/{id:uuid}/redemptions",
    scope="loyalty:redeem",
    status_code=201,
    raises=[InsufficientPoints],
    idempotency_key="required",
    owner=Owned(tables.Membership, "customer_id"),
)
async def redeem_points(work: Work, id: UUID, body: RedemptionCreate) -> Redemption:
    """Hold points (`reserve`, for fifteen minutes by default), or spend them at once (`capture`)."""
    membership = await work.get(tables.Membership, id)
    account = await open_account(work, membership.id)
    if body.points > account.available:
        raise InsufficientPoints(f"{account.available} points are available.", available=account.available)
    await load_spendable_lots(work, account, body.points)
    row = await work.insert(_new_redemption(account, body))
    allocations = _allocate_points(account, row)
    await work.insert_many(
        tables.LotAllocation,
        [{"redemption_id": row.id, "lot_id": lot_id, "points": points} for lot_id, points in allocations],
    )
    event = PointsReserved if row.state == "reserved" else PointsRedeemed
    _publish(work, event, membership, account, row)
    await save(work, account)
    return Redemption.from_row(row)


@feature.get("/redemptions", scope="loyalty:read", owner="customer_id")
async def list_redemptions(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    membership_id: Annotated[UUID | None, Query(description="Only redemptions of this membership.")] = None,
    customer_id: Annotated[UUID | None, Query(description="Only redemptions of this customer.")] = None,
    state: Annotated[list[RedemptionState] | None, Query(description="Only these states; may be repeated.")] = None,
) -> Page[Redemption]:
    """List redemptions, newest first. A hold that has ended is expired, even before its points are returned."""
    where = [*equals(membership_id=membership_id), *created_at.filters]
    if customer_id is not None:
        where.append(condition(_OF_CUSTOMER, customer_id=customer_id))
    if state:
        where.append(condition(_IN_STATE, now=work.now, states=state))
    item = partial(_to_redemption, now=work.now)
    return await paginate(work, params, tables.Redemption, item, sort="-created_at", where=where)


_OF_CUSTOMER = f"""
    membership_id = any(array(
        select membership.id from membership where customer_id = {found_person_sql(":customer_id")}
    ))
"""
_IN_STATE = "case when state = 'reserved' and hold_ends_at <= :now then 'expired' else state end = any(:states)"


@feature.get("/redemptions/{id:uuid}", scope="loyalty:read")
async def read_redemption(work: Work, id: UUID) -> Redemption:
    """Return a redemption. A hold that has ended reads as expired, even before its points are returned."""
    return _to_redemption(await work.get(tables.Redemption, id), now=work.now)


@feature.post(
    "/redemptions/{id:uuid}/capture", scope="loyalty:redeem", raises=[AlreadyReleased], idempotency_key="required"
)
async def capture_redemption(work: Work, id: UUID) -> Redemption:
    """Spend the held points for good. Capturing them again has no effect."""
    account, row = await _open_redemption(work, id)
    if row.state in ("released", "expired"):
        raise AlreadyReleased("The hold has expired." if row.state == "expired" else "The hold was released.")
    if row.state == "reserved":
        account.capture(row.id, account.now)
        row = await work.update(row, state="captured")
        membership = await work.get(tables.Membership, row.membership_id)
        _publish(work, PointsRedeemed, membership, account, row)
    await save(work, account)
    return Redemption.from_row(row)


@feature.post(
    "/redemptions/{id:uuid}/release", scope="loyalty:redeem", raises=[AlreadyCaptured], idempotency_key="required"
)
async def release_redemption(work: Work, id: UUID) -> Redemption:
    """Return the held points. Releasing them again, or after the hold has ended, has no effect."""
    account, row = await _open_redemption(work, id)
    if row.state == "captured":
        raise AlreadyCaptured
    if row.state == "reserved":
        debt_paid, expired = account.release(row.id, account.now)
        row = await work.update(row, state="released")
        membership = await work.get(tables.Membership, row.membership_id)
        parts = {"debt_paid": debt_paid, "expired": expired}
        _publish(work, PointsReleased, membership, account, row, **parts, reason="released")
    await save(work, account)
    return Redemption.from_row(row)


def _to_redemption(row: tables.Redemption, *, now: datetime) -> Redemption:
    if row.state == "reserved" and row.hold_ends_at is not None and row.hold_ends_at <= now:
        return EndedHold.from_row(row, state="expired")
    return Redemption.from_row(row)


def _new_redemption(account: Account, body: RedemptionCreate) -> tables.Redemption:
    held = body.mode == "reserve"
    hold_ends_at = account.now + timedelta(seconds=body.expires_in_seconds or HOLD_SECONDS)
    return tables.Redemption(
        membership_id=account.membership_id,
        points=body.points,
        state="reserved" if held else "captured",
        hold_ends_at=hold_ends_at if held else None,
        order_reference=body.order_reference,
    )


def _allocate_points(account: Account, row: tables.Redemption) -> Allocations:
    """Reserve or spend the points of a new redemption. Returns how many came from which lot."""
    if row.hold_ends_at is None:
        return account.spend(Reason("capture", "redemption", row.id, account.now), row.points)
    reason = Reason("reserve", "redemption", row.id, account.now)
    return account.reserve(reason, row.points, row.hold_ends_at).allocations


async def _open_redemption(work: Work, id: UUID) -> tuple[Account, tables.Redemption]:
    """Lock a member's account and then the redemption, and load the hold if it has not ended."""
    account = await open_account(work, (await work.get(tables.Redemption, id)).membership_id)
    row = await work.get(tables.Redemption, id, for_update=True)
    if row.membership_id != account.membership_id:
        raise RetryTransaction  # a merge or its undo has moved it meanwhile
    if row.state == "reserved":
        await load_hold(work, account, row.id)
    return account, row


def _publish(
    work: Work,
    event: type[RedemptionEvent],
    membership: tables.Membership,
    account: Account,
    row: tables.Redemption,
    **fields: Any,
) -> None:
    publish_points(
        work,
        event,
        row,
        account=account,
        member=membership,
        reference=("redemption", row.id),
        occurred_at=account.now,
        redemption_id=row.id,
        **fields,
    )
