"""Adjustments: points that staff give or take by hand, with their reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from chassis import Event, Feature, Line, Page, Paged, WholeNumber, Wire, Work, page, shown, uuid7
from services.loyalty import rules
from services.loyalty.account import Lot, Reason
from services.loyalty.model import Membership, PointsAdjustment, Program
from services.loyalty.operations import NotEnoughPoints, open_account, save

feature = Feature("adjustments")

MOST = 10**12


class PointsAdjusted(Event, type="loyalty.points_adjusted.v1", key="customer_id"):
    """Staff gave points (`points` above zero) or took them."""

    customer_id: UUID
    membership_id: UUID
    adjustment_id: UUID
    points: int
    reason: str
    available: int
    debt: int


def _not_nothing(points: int) -> int:
    if points == 0:
        raise ValueError("an adjustment by nothing is none")
    return points


class NewAdjustment(Wire):
    """Points to give, or with a minus to take."""

    points: Annotated[WholeNumber, Field(ge=-MOST, le=MOST), AfterValidator(_not_nothing)]
    reason: Line
    allow_debt: Annotated[bool, Field(strict=True, description="owe what is taken and not there")] = False


class Adjustment(BaseModel):
    """Points that staff gave or took."""

    id: UUID
    membership_id: UUID
    points: int
    reason: str
    actor: str
    created_at: datetime


@feature.post(
    "/memberships/{id:uuid}/adjustments",
    scope="loyalty:adjust",
    status_code=201,
    refuses=[NotEnoughPoints],
    key_required=True,
)
async def adjust_points(work: Work, id: UUID, wanted: NewAdjustment) -> Adjustment:
    """Gives points, which live as long as earned ones but are never pending, or takes them, first expiring first."""
    membership = await work.get(Membership, id)
    account = await open_account(work, id)
    row = PointsAdjustment(
        id=uuid7(),
        membership_id=id,
        points=wanted.points,
        reason=wanted.reason,
        actor=work.actor,
        created_at=work.now,
    )
    reason = Reason("adjust", "adjustment", row.id, account.now)
    if wanted.points > 0:
        program = await work.get(Program, membership.program_id)
        begins, ends = rules.lifetime(account.now, 0, program.expiry_months, ZoneInfo(program.timezone))
        account.credit(reason, Lot(uuid7(), row.id, wanted.points, begins, ends), "adjusted")
    else:
        if -wanted.points > account.available and not wanted.allow_debt:
            raise NotEnoughPoints(f"{account.available} points are available.", available=account.available)
        account.withdraw(reason, -wanted.points, owing=wanted.allow_debt)
    await work.insert(row)
    await save(work, account)
    work.publish(
        PointsAdjusted(
            customer_id=membership.customer_id,
            membership_id=id,
            adjustment_id=row.id,
            points=row.points,
            reason=row.reason,
            available=account.available,
            debt=account.debt,
        )
    )
    return adjustment_of(vars(row))


@feature.get("/memberships/{id:uuid}/adjustments", scope="loyalty:read")
async def list_adjustments(work: Work, id: UUID, paging: Paged) -> Page[Adjustment]:
    """What staff gave a member or took, newest first."""
    await work.get(Membership, id)
    return await page(work, paging, PointsAdjustment, adjustment_of, sort="-id", where={"membership_id": id})


def adjustment_of(row: Mapping[str, Any]) -> Adjustment:
    """The adjustment as it is shown."""
    return shown(Adjustment, row)
