"""Reversing: what refunds take back, from the purchase's own points first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from chassis import Work
from chassis.statements import rows_of
from services.loyalty import rules
from services.loyalty.account import Reason, RefundPolicy
from services.loyalty.features.points.facts import PointsReversed, PurchaseRefunded
from services.loyalty.model import EarnBasis, EarningRule, Membership, Program, ToldRefund
from services.loyalty.operations import open_account, save, take_turns


@dataclass(frozen=True, slots=True)
class Step:
    """One refund of a purchase, with what had gone back before it, in minor units."""

    refund_id: UUID
    refunded_at: datetime
    before: int
    after: int


async def reverse_refund(work: Work, refund: PurchaseRefunded) -> None:
    """Notes a refund, once, and takes back its points wherever the purchase has earned."""
    await take_turns(work, [refund.purchase_id])
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


async def reverse_early_refunds(work: Work, new_bases: Mapping[UUID, UUID]) -> None:
    """Takes back what was earned just now by purchases whose refunds had been told before: basis, purchase."""
    rows = await work.fetch(
        "select * from told_refund where purchase_id = any($1) order by id", sorted(set(new_bases.values()))
    )
    gone: dict[UUID, int] = {}
    for told in rows_of(ToldRefund, rows):
        before = gone.get(told.purchase_id, 0)
        gone[told.purchase_id] = before + told.amount_minor
        bases = await work.all(EarnBasis, purchase_id=told.purchase_id)
        for basis in (one for one in bases if one.id in new_bases):
            await _reverse(work, basis, Step(told.id, told.refunded_at, before, before + told.amount_minor))


async def _reverse(work: Work, basis: EarnBasis, step: Step) -> None:
    """Takes back one membership's points, rule by rule, as the rules were when the purchase was made."""
    membership = await work.get(Membership, basis.membership_id)
    program = await work.get(Program, membership.program_id)
    account = await open_account(work, basis.membership_id, purchase_id=basis.purchase_id)
    for held in basis.rules:
        row = await work.find(EarningRule, rule_id=UUID(held["rule_id"]), version=held["version"])
        assert row is not None, "a version of a rule is never removed"
        rule = rules.Rule(row.rule_id, row.version, row.points, row.per_minor, row.valid_from, row.valid_to)
        wanted = rules.reversal(rule, basis.eligible_minor, step.before, step.after)
        reason = Reason("reverse", "refund", step.refund_id, step.refunded_at, rule.rule_id, rule.version)
        policy = cast(RefundPolicy, program.refund_policy)
        taken = account.take_back(reason, wanted, basis.purchase_id, policy)
        if taken.points == 0:
            continue
        work.publish(
            PointsReversed(
                customer_id=membership.customer_id,
                membership_id=membership.id,
                program_id=program.id,
                purchase_id=basis.purchase_id,
                refund_id=step.refund_id,
                rule_id=rule.rule_id,
                rule_version=rule.version,
                points=taken.points,
                taken=taken.points - taken.owed,
                from_pending=taken.pending,
                from_available=taken.available,
                from_expired=taken.expired,
                owed=taken.owed,
                available=account.available,
                debt=account.debt,
                refunded_at=step.refunded_at,
            )
        )
    await save(work, account)
