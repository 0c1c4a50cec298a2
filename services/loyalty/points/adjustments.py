"""Adjustments: points that staff give or take, with a reason, and the return of points that expired by mistake."""

from datetime import datetime
from itertools import groupby
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StrictInt

from chassis import MAX_COUNT, Feature, Line, Page, PageParams, RequestBody, Resource, Work, equals, paginate, uuid7
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import load_spendable_lots, open_account, save
from services.loyalty.points.queries.events import InsufficientPoints, PointsEvent, publish_points
from services.loyalty.points.queries.lots import Period, select_wrong_expiries, to_lot
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.earning import lifetime
from services.loyalty.points.rules.lots import Lot
from services.loyalty.points.rules.moves import Reason

feature = Feature("adjustments")

RESTORED_AT_ONCE = 200
"""Expired points of so many lots are restored in a transaction."""


class PointsAdjusted(PointsEvent, type="loyalty.points_adjusted.v1", partition_key="customer_id"):
    """Staff gave points, or took them if `points` is negative."""

    adjustment_id: UUID
    """The adjustment."""
    reason: Annotated[str, Field(examples=["goodwill"])]
    """The reason, for people."""
    debt: Annotated[int, Field(description="The same as `balance.debt`.", examples=[0])]


def _require_not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("must not be zero")
    return points


class AdjustmentCreate(RequestBody):
    """Points to give, or to take if negative."""

    example = {"points": 100, "reason": "Apology for a late delivery"}

    points: Annotated[StrictInt, Field(ge=-MAX_COUNT, le=MAX_COUNT), AfterValidator(_require_not_zero)]
    """The points to give, or to take if negative. Zero is not allowed."""
    reason: Line
    """The reason, for people."""
    allow_debt: Annotated[bool, Field(strict=True, description="Turn missing points into a debt.")] = False


class Adjustment(Resource, row=tables.PointsAdjustment):
    """Points that staff gave or took."""

    id: UUID
    """Identifies the adjustment."""
    membership_id: UUID
    """The membership."""
    points: int
    """The points given, or taken if negative."""
    reason: str
    """The reason, for people."""
    actor: str
    """The principal that adjusted them: `key:<id>` for an API key."""
    created_at: datetime
    """When the points were adjusted."""


@feature.post(
    "/memberships/{id:uuid}/adjustments",
    scope="loyalty:adjust",
    status_code=201,
    raises=[InsufficientPoints],
    idempotency_key="required",
)
async def adjust_points(work: Work, id: UUID, body: AdjustmentCreate) -> Adjustment:
    """Give points, or take them from the lots that expire first.

    Given points expire like earned points but are never pending.
    """
    membership = await work.get(tables.Membership, id)
    account = await open_account(work, membership.id)
    row = _new_adjustment(work, account.membership_id, body.points, body.reason)
    if row.points > 0:
        program = await work.get(tables.Program, membership.program_id)
        _credit(account, row, program)
    else:
        await _deduct(work, account, row, allow_debt=body.allow_debt)
    row = await work.insert(row)
    _publish_points_adjusted(work, row, membership, account)
    await save(work, account)
    return Adjustment.from_row(row)


@feature.get("/memberships/{id:uuid}/adjustments", scope="loyalty:read")
async def list_adjustments(work: Work, id: UUID, params: PageParams) -> Page[Adjustment]:
    """List the points that staff gave a member or took, newest first."""
    membership = await work.get(tables.Membership, id)
    where = equals(membership_id=membership.id)
    return await paginate(work, params, tables.PointsAdjustment, Adjustment, sort="-id", where=where)


async def restore_expired_points(work: Work, membership_id: UUID, recorded: Period, reason: str) -> int | None:
    """Undo expiries that were recorded within the period, of lots whose expiry is still to come.

    Returns how many points were restored, or None if nothing is left to restore. Each adjustment has the id of the
    ledger entry that it undoes, so it exists once.
    """
    membership = await work.get(tables.Membership, membership_id)
    account = await open_account(work, membership_id)
    wrong = await select_wrong_expiries(work, membership_id, recorded, RESTORED_AT_ONCE)
    account.load(to_lot(row.lot) for row in wrong)
    adjustments = []
    for entry_id, rows in groupby(wrong, key=lambda row: row.entry_id):
        source = Reason("adjust", "adjustment", entry_id, account.now)
        points = account.restore(source, [(account.lots[UUID(row.lot["id"])], row.points) for row in rows])
        if points:
            row = _new_adjustment(work, membership_id, points, reason, id=entry_id)
            adjustments.append(row.model_dump())
            _publish_points_adjusted(work, row, membership, account)
            work.audit("restored", tables.PointsAdjustment, row.id, {"points": [0, points], "reason": [None, reason]})
    await work.insert_many(tables.PointsAdjustment, adjustments)
    await save(work, account)
    return sum(adjustment["points"] for adjustment in adjustments) if wrong else None


def _new_adjustment(work: Work, membership_id: UUID, points: int, reason: str, **id: UUID) -> tables.PointsAdjustment:
    return tables.PointsAdjustment(
        **id,
        tenant_id=work.tenant.id,
        membership_id=membership_id,
        points=points,
        reason=reason,
        actor=work.actor,
        created_at=work.now,
    )


def _publish_points_adjusted(
    work: Work, row: tables.PointsAdjustment, membership: tables.Membership, account: Account
) -> None:
    publish_points(
        work,
        PointsAdjusted,
        row,
        account=account,
        member=membership,
        reference=("adjustment", row.id),
        occurred_at=account.now,
        adjustment_id=row.id,
        debt=account.debt,
    )


def _credit(account: Account, row: tables.PointsAdjustment, program: tables.Program) -> None:
    activates_at, expires_at = lifetime(account.now, 0, program.expiry_months, ZoneInfo(program.timezone))
    account.credit(_reason(account, row), Lot(uuid7(), row.id, row.points, activates_at, expires_at), "adjusted")


async def _deduct(work: Work, account: Account, row: tables.PointsAdjustment, *, allow_debt: bool) -> None:
    if -row.points > account.available and not allow_debt:
        raise InsufficientPoints(f"{account.available} points are available.", available=account.available)
    await load_spendable_lots(work, account, min(-row.points, account.available))
    account.deduct(_reason(account, row), -row.points, allow_debt=allow_debt)


def _reason(account: Account, row: tables.PointsAdjustment) -> Reason:
    return Reason("adjust", "adjustment", row.id, account.now)
