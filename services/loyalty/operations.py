"""What several features do alike: joining a program, moving points between buckets, settling what is due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis import Again, Event, Work, uuid7
from chassis.statements import rows_of
from services.loyalty import rules
from services.loyalty.model import LotAllocation, Membership, PointsEntry, Redemption, Wallet


class MemberJoined(Event, type="loyalty.member_joined.v1", key="customer_id"):
    """A customer became a member of a program."""

    customer_id: UUID
    membership_id: UUID
    program_id: UUID
    joined_at: datetime


async def join(work: Work, joining: Sequence[tuple[UUID, UUID, datetime]]) -> list[Membership]:
    """Makes members, each with an empty wallet: (program, customer, since when).

    Raises Again when one of them has joined meanwhile: the one who runs again finds the membership.
    """
    rows = [
        {
            "id": uuid7(),
            "version": 1,
            "created_at": work.now,
            "updated_at": work.now,
            "program_id": program_id,
            "customer_id": customer_id,
            "state": "active",
            "joined_at": joined_at,
        }
        for program_id, customer_id, joined_at in joining
    ]
    if len(await work.insert_all(Membership, rows, new_only=True)) < len(rows):
        raise Again
    empty = {"pending": 0, "available": 0, "reserved": 0, "debt": 0}
    await work.insert_all(Wallet, [{"id": row["id"], **empty} for row in rows])
    for row in rows:
        work.publish(
            MemberJoined(
                customer_id=row["customer_id"],
                membership_id=row["id"],
                program_id=row["program_id"],
                joined_at=row["joined_at"],
            )
        )
    return rows_of(Membership, [{"tenant_id": work.tenant.id, **row} for row in rows])


class PointsReleased(Event, type="loyalty.points_released.v1", key="customer_id"):
    """Held points came back: `debt_paid` of them paid a debt, the rest can be spent again."""

    customer_id: UUID
    membership_id: UUID
    redemption_id: UUID
    points: int
    debt_paid: int
    available: int
    reason: Literal["released", "expired"]


async def settled_wallet(work: Work, membership_id: UUID) -> Wallet:
    """The wallet, locked, with every hold that is over by now released, in the order of their ends.

    Whoever moves points begins here, so that no result depends on when somebody last looked.
    """
    wallet = await work.get(Wallet, membership_id, lock=True)
    due = await work.fetch(
        "select * from redemption where membership_id = $1 and state = 'reserved' and hold_ends_at <= $2 "
        "order by hold_ends_at, id",
        membership_id,
        work.now,
    )
    for redemption in rows_of(Redemption, due):
        await release(work, wallet, redemption, "expired")
    return wallet


async def release(work: Work, wallet: Wallet, redemption: Redemption, reason: Literal["released", "expired"]) -> None:
    """Gives held points back: debt is paid first, the rest goes back to its lots, latest-expiring first."""
    paid, available = rules.split_credit(redemption.points, wallet.debt)
    await work.update(
        wallet,
        reserved=wallet.reserved - redemption.points,
        debt=wallet.debt - paid,
        available=wallet.available + available,
    )
    await work.update(redemption, state=reason)
    await _return_to_lots(work, redemption, available)
    at = redemption.hold_ends_at if reason == "expired" else work.now
    for bucket, points in (("debt", paid), ("available", available)):
        if points:
            await move(work, redemption, "release", "reserved", bucket, points, at or work.now)
    membership = await work.get(Membership, wallet.id)
    work.publish(
        PointsReleased(
            customer_id=membership.customer_id,
            membership_id=wallet.id,
            redemption_id=redemption.id,
            points=redemption.points,
            debt_paid=paid,
            available=wallet.available,
            reason=reason,
        )
    )


async def move(
    work: Work, redemption: Redemption, kind: str, from_bucket: str, to_bucket: str, points: int, at: datetime
) -> None:
    """Writes a ledger entry of a redemption."""
    entry: dict[str, Any] = {
        "membership_id": redemption.membership_id,
        "kind": kind,
        "from_bucket": from_bucket,
        "to_bucket": to_bucket,
        "points": points,
        "source_type": "redemption",
        "source_id": str(redemption.id),
        "rule_id": None,
        "rule_version": None,
        "occurred_at": at,
        "recorded_at": work.now,
    }
    await work.insert_all(PointsEntry, [entry])


async def allocate(work: Work, redemption: Redemption) -> None:
    """Takes a redemption's points from the member's lots, first expiring first, and remembers which."""
    lots = await work.fetch(
        "select id, remaining from lot where membership_id = $1 and remaining > 0 "
        "order by expires_at nulls last, activates_at, id",
        redemption.membership_id,
    )
    parts = rules.first_fit([(lot["id"], lot["remaining"]) for lot in lots], redemption.points)
    await change_lots(work, {lot_id: -points for lot_id, points in parts})
    rows = [{"redemption_id": redemption.id, "lot_id": lot_id, "points": points} for lot_id, points in parts]
    await work.insert_all(LotAllocation, rows)


async def _return_to_lots(work: Work, redemption: Redemption, points: int) -> None:
    taken = await work.fetch(
        "select lot_id, points from lot_allocation join lot on lot.id = lot_id where redemption_id = $1 "
        "order by expires_at desc nulls first, activates_at desc, lot_id desc",
        redemption.id,
    )
    parts = rules.first_fit([(one["lot_id"], one["points"]) for one in taken], points)
    await change_lots(work, dict(parts))


async def change_lots(work: Work, changes: dict[UUID, int]) -> None:
    """Adds points to lots, or takes them, lot by lot."""
    await work.execute(
        "update lot set remaining = remaining + change.points from unnest($1::uuid[], $2::bigint[]) "
        "as change(id, points) where lot.id = change.id",
        list(changes),
        list(changes.values()),
    )
