"""Erasing members: their memberships end, holds are released, and texts of staff and orders are removed.

The ledger stays complete: it names a membership and points, and the id of the customer leads to no person.
"""

from collections.abc import Sequence
from uuid import UUID

from chassis import Command, Feature, Query, Work
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import load_hold, open_account, save
from services.loyalty.points.queries.events import PointsReleased, publish_points

feature = Feature("erased-members")


@feature.erases(tables.Membership)
async def end_memberships(work: Work, ids: Sequence[UUID]) -> int:
    """End the memberships of persons, and release their holds. Returns the number of memberships that end."""
    memberships = await work.fetch(_LOCK_MEMBERSHIPS, ids=list(ids))
    for membership in memberships:
        await _release_holds(work, membership)
        await work.update(membership, state="left")
    return len(memberships)


@feature.erases(tables.PointsAdjustment)
async def erase_reasons(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the reasons that staff gave for adjustments. Returns their number."""
    return await work.execute(_ERASE_REASONS, ids=list(ids))


@feature.erases(tables.Redemption)
async def erase_order_references(work: Work, ids: Sequence[UUID]) -> int:
    """Remove the references of orders from redemptions. Returns their number."""
    return await work.execute(_ERASE_REFERENCES, ids=list(ids))


async def _release_holds(work: Work, membership: tables.Membership) -> None:
    account = await open_account(work, membership.id)
    for redemption in await work.fetch(_LOCK_HELD, membership_id=membership.id):
        await load_hold(work, account, redemption.id)
        debt_paid, expired = account.release(redemption.id, account.now)
        row = await work.update(redemption, state="released")
        publish_points(
            work,
            PointsReleased,
            row,
            account=account,
            member=membership,
            reference=("redemption", row.id),
            occurred_at=account.now,
            redemption_id=row.id,
            debt_paid=debt_paid,
            expired=expired,
            reason="released",
        )
    await save(work, account)


_LOCK_MEMBERSHIPS = Query(
    tables.Membership,
    "select * from membership where customer_id = any(:ids) and state = 'active' order by id for no key update",
)
_LOCK_HELD = Query(
    tables.Redemption,
    """
    select * from redemption where membership_id = :membership_id and state = 'reserved' order by id
    for no key update
    """,
)
_ERASE_REASONS = Command(
    """
    update points_adjustment set reason = '' where reason <> '' and membership_id in (
        select id from membership where customer_id = any(:ids)
    )
    """
)
_ERASE_REFERENCES = Command(
    """
    update redemption set order_reference = null where order_reference is not null and membership_id in (
        select id from membership where customer_id = any(:ids)
    )
    """
)
