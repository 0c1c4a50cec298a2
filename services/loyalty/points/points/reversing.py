"""Reversing: which points refunds reverse, from the purchase's own points first."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import Query, Work
from services.loyalty.points import tables
from services.loyalty.points.points.events import PointsReversed, PurchaseRefunded
from services.loyalty.points.queries.accounts import load_purchase_lots, load_spendable_lots, open_account, save
from services.loyalty.points.queries.earning_rules import find_rule
from services.loyalty.points.queries.events import publish_points
from services.loyalty.points.queries.locks import lock_purchases
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.earning import Rule, reversed_points
from services.loyalty.points.rules.moves import Reason, Reversal


@dataclass(frozen=True, slots=True)
class RefundStep:
    """A refund of a purchase, with the sum of refunds before and after it, in minor units."""

    refund_id: UUID
    refunded_at: datetime
    before: int
    after: int


async def reverse_refund(work: Work, refund: PurchaseRefunded) -> None:
    """Record a refund, once, and reverse its points wherever the purchase has earned."""
    await lock_purchases(work, [refund.purchase_id])
    bases = await work.find_all(tables.EarnBasis, purchase_id=refund.purchase_id)
    earlier = await work.find_all(tables.KnownRefund, purchase_id=refund.purchase_id)
    known = tables.KnownRefund(
        id=refund.refund_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount.minor,
        refunded_at=refund.refunded_at,
    )
    if await work.insert_or_ignore(known):
        before = sum(other.amount_minor for other in earlier)
        step = RefundStep(refund.refund_id, refund.refunded_at, before, before + refund.amount.minor)
        for basis in bases:
            await _reverse(work, basis, step)


async def reverse_refunds_received_early(work: Work, new_bases: Mapping[UUID, UUID]) -> None:
    """Reverse points that were just earned by purchases whose refunds were received before.

    `new_bases` are the purchases by the ids of their new bases.
    """
    if not new_bases:
        return
    refunds = await work.select(_KNOWN_REFUNDS, purchase_ids=sorted(set(new_bases.values())))
    refunded: Counter[UUID] = Counter()
    for refund in refunds:
        before = refunded[refund.purchase_id]
        refunded[refund.purchase_id] += refund.amount_minor
        step = RefundStep(refund.id, refund.refunded_at, before, before + refund.amount_minor)
        for basis in await work.find_all(tables.EarnBasis, purchase_id=refund.purchase_id):
            if basis.id in new_bases:
                await _reverse(work, basis, step)


_KNOWN_REFUNDS = Query(
    tables.KnownRefund, "select * from told_refund where purchase_id = any(:purchase_ids) order by id"
)


async def _reverse(work: Work, basis: tables.EarnBasis, step: RefundStep) -> None:
    """Reverse a membership's points, rule by rule, as the rules were when the purchase was made."""
    membership = await work.get(tables.Membership, basis.membership_id)
    program = await work.get(tables.Program, membership.program_id)
    account = await open_account(work, basis.membership_id)
    await load_purchase_lots(work, account, basis.purchase_id)
    for reference in basis.rules:
        rule = await find_rule(work, reference)
        points = reversed_points(rule, basis.eligible_minor, step.before, step.after)
        reason = Reason("reverse", "refund", step.refund_id, step.refunded_at, rule.rule_id, rule.version)
        others = account.points_to_load(points, basis.purchase_id, program.refund_policy)
        await load_spendable_lots(work, account, others)
        reversal = account.reverse(reason, points, basis.purchase_id, program.refund_policy)
        if reversal.points:
            _publish_points_reversed(work, membership, account, basis.purchase_id, step, rule, reversal)
    await save(work, account)


def _publish_points_reversed(
    work: Work,
    membership: tables.Membership,
    account: Account,
    purchase_id: UUID,
    step: RefundStep,
    rule: Rule,
    reversal: Reversal,
) -> None:
    publish_points(
        work,
        PointsReversed,
        reversal,
        account=account,
        member=membership,
        reference=("refund", step.refund_id),
        occurred_at=step.refunded_at,
        purchase_id=purchase_id,
        refund_id=step.refund_id,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        taken=reversal.points - reversal.debt_created,
        from_pending=reversal.pending,
        from_available=reversal.available,
        from_expired=reversal.expired,
        owed=reversal.debt_created,
        debt=account.debt,
        refunded_at=step.refunded_at,
    )
