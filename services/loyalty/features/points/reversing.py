"""Reversing: what refunds take back, from the purchase's own points first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Work
from chassis.statements import rows_of
from services.loyalty import rules
from services.loyalty.features.points.facts import PointsReversed, PurchaseRefunded
from services.loyalty.model import EarnBasis, EarningRule, Membership, PointsEntry, Program, ToldRefund
from services.loyalty.operations import change_lots, settled_wallet


@dataclass(frozen=True, slots=True)
class Step:
    """One refund of a purchase, with what had gone back before it, in minor units."""

    refund_id: UUID
    refunded_at: datetime
    before: int
    after: int


async def reverse_refund(work: Work, refund: PurchaseRefunded) -> None:
    """Notes a refund, once, and takes back its points wherever the purchase has earned."""
    bases = await work.all(EarnBasis, purchase_id=refund.purchase_id)
    before = sum(one.amount_minor for one in await work.all(ToldRefund, purchase_id=refund.purchase_id))
    told = ToldRefund(
        id=refund.refund_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount.minor,
        refunded_at=refund.refunded_at,
    )
    if await work.insert_new(told):
        step = Step(refund.refund_id, refund.refunded_at, before, before + refund.amount.minor)
        for basis in bases:
            await _reverse(work, basis, step)


async def reverse_early_refunds(work: Work, purchase_ids: Sequence[UUID]) -> None:
    """Takes back the points of purchases whose refunds had been told before them."""
    rows = await work.fetch("select * from told_refund where purchase_id = any($1) order by id", list(purchase_ids))
    gone: dict[UUID, int] = {}
    for told in rows_of(ToldRefund, rows):
        before = gone.get(told.purchase_id, 0)
        gone[told.purchase_id] = before + told.amount_minor
        for basis in await work.all(EarnBasis, purchase_id=told.purchase_id):
            await _reverse(work, basis, Step(told.id, told.refunded_at, before, before + told.amount_minor))


async def _reverse(work: Work, basis: EarnBasis, step: Step) -> None:
    """Takes back one membership's points, rule by rule, as the rules were when the purchase was made."""
    membership = await work.get(Membership, basis.membership_id)
    program = await work.get(Program, membership.program_id)
    wallet = await settled_wallet(work, basis.membership_id)
    for held in basis.rules:
        row = await work.find(EarningRule, rule_id=UUID(held["rule_id"]), version=held["version"])
        assert row is not None, "a version of a rule is never removed"
        rule = rules.Rule(row.rule_id, row.version, row.points, row.per_minor, row.valid_from, row.valid_to)
        wanted = rules.reversal(rule, basis.eligible_minor, step.before, step.after)
        taken, owed = rules.taken_and_owed(wanted, wallet.available, program.refund_policy)
        if taken + owed == 0:
            continue
        await _take_from_lots(work, basis, taken)
        await work.update(wallet, available=wallet.available - taken, debt=wallet.debt + owed)
        entries = [_entry(work, basis, step, rule, bucket, points) for bucket, points in _parts(taken, owed)]
        await work.insert_all(PointsEntry, entries)
        work.publish(
            PointsReversed(
                customer_id=membership.customer_id,
                membership_id=membership.id,
                program_id=program.id,
                purchase_id=basis.purchase_id,
                refund_id=step.refund_id,
                rule_id=rule.rule_id,
                rule_version=rule.version,
                points=taken + owed,
                taken=taken,
                available=wallet.available,
                debt=wallet.debt,
                refunded_at=step.refunded_at,
            )
        )


async def _take_from_lots(work: Work, basis: EarnBasis, points: int) -> None:
    """Takes points from the purchase's own lots, then from those that expire first."""
    lots = await work.fetch(
        """
        select lot.id, remaining, points_entry.source_id = $2 as own
        from lot join points_entry on points_entry.id = lot.entry_id
        where lot.membership_id = $1 and remaining > 0
        order by own desc, expires_at nulls last, activates_at, lot.id
        """,
        basis.membership_id,
        str(basis.purchase_id),
    )
    parts = rules.first_fit([(lot["id"], lot["remaining"]) for lot in lots], points)
    await change_lots(work, {lot_id: -part for lot_id, part in parts})


def _parts(taken: int, owed: int) -> list[tuple[str, int]]:
    return [(bucket, points) for bucket, points in (("available", taken), ("debt", owed)) if points]


def _entry(work: Work, basis: EarnBasis, step: Step, rule: rules.Rule, bucket: str, points: int) -> dict[str, Any]:
    return {
        "membership_id": basis.membership_id,
        "kind": "reverse" if bucket == "available" else "reverse_owed",
        "from_bucket": bucket,
        "to_bucket": "reversed",
        "points": points,
        "source_type": "refund",
        "source_id": str(step.refund_id),
        "rule_id": rule.rule_id,
        "rule_version": rule.version,
        "occurred_at": step.refunded_at,
        "recorded_at": work.now,
    }
