"""Earning: what a batch of purchases is worth to their buyers, by a few statements for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Work, uuid7
from chassis.statements import rows_of
from services.loyalty import rules
from services.loyalty.account import Account, Lot, Reason
from services.loyalty.features.points.facts import PointsEarned, PurchaseRecorded
from services.loyalty.model import EarnBasis, EarningRule, Membership, Program
from services.loyalty.operations import announce, join, open_accounts_to_credit, save, take_turns


@dataclass(slots=True)
class Member:
    """A membership with its account, while a batch works on it."""

    membership: Membership
    program: Program
    account: Account
    rules: list[rules.Rule]


async def award_points(work: Work, purchases: Sequence[PurchaseRecorded]) -> dict[UUID, UUID]:
    """Awards points for each purchase that has not earned yet; answers with the new bases and their purchases."""
    programs = {program.id: program for program in await work.all(Program, state="active")}
    if not programs:
        return {}
    await take_turns(work, [purchase.purchase_id for purchase in purchases])
    await _enrol_buyers(work, programs, purchases)
    members = await _members(work, programs, purchases)
    worth = [
        (purchase, member, _basis(purchase, member))
        for purchase in purchases
        for member in members.get(purchase.customer_id, [])
        if _takes_part(member, purchase)
    ]
    fresh = await work.insert_all_new(EarnBasis, [basis for _, _, basis in worth])
    for purchase, member, basis in worth:
        if basis["id"] in fresh:
            for award in rules.awards(member.rules, purchase.total.minor, purchase.purchased_at):
                _credit(work, member, purchase, award)
                await announce(work, member.account)  # what was over when it was told has expired by it
    await save(work, *(member.account for each in members.values() for member in each))
    return {basis["id"]: basis["purchase_id"] for _, _, basis in worth if basis["id"] in fresh}


async def _enrol_buyers(work: Work, programs: Mapping[UUID, Program], purchases: Sequence[PurchaseRecorded]) -> None:
    """Makes buyers members where a purchase does that."""
    first: dict[tuple[UUID, UUID], datetime] = {}
    for purchase in purchases:
        for program in programs.values():
            if program.enrolment == "on_purchase" and program.currency == purchase.total.currency:
                key = (program.id, purchase.customer_id)
                first[key] = min(first.get(key, purchase.purchased_at), purchase.purchased_at)
    known = await work.fetch(
        "select program_id, customer_id from membership where customer_id = any($1) and state <> 'left'",
        sorted({purchase.customer_id for purchase in purchases}),
    )
    members = {(row["program_id"], row["customer_id"]) for row in known}
    await join(work, [(*key, at) for key, at in sorted(first.items()) if key not in members])


async def _members(
    work: Work, programs: Mapping[UUID, Program], purchases: Sequence[PurchaseRecorded]
) -> dict[UUID, list[Member]]:
    """The buyers' memberships with their accounts, by customer."""
    buyers = sorted({purchase.customer_id for purchase in purchases})
    found = await work.fetch("select * from membership where customer_id = any($1) and state = 'active'", buyers)
    memberships = {one.id: one for one in rows_of(Membership, found) if one.program_id in programs}
    earning = await _rules_by_program(work)
    members: dict[UUID, list[Member]] = {}
    for account in await open_accounts_to_credit(work, list(memberships)):
        membership = memberships[account.membership_id]
        held = earning.get(membership.program_id, [])
        member = Member(membership, programs[membership.program_id], account, held)
        members.setdefault(membership.customer_id, []).append(member)
    return members


async def _rules_by_program(work: Work) -> dict[UUID, list[rules.Rule]]:
    found: dict[UUID, list[rules.Rule]] = {}
    for row in await work.all(EarningRule, order_by="rule_id, version"):
        rule = rules.Rule(row.rule_id, row.version, row.points, row.per_minor, row.valid_from, row.valid_to)
        found.setdefault(row.program_id, []).append(rule)
    return found


def _takes_part(member: Member, purchase: PurchaseRecorded) -> bool:
    """Whether a purchase counts: in the program's currency, and not made before a member had joined by asking."""
    program = member.program
    joined = program.enrolment == "on_purchase" or member.membership.joined_at <= purchase.purchased_at
    return joined and program.currency == purchase.total.currency


def _basis(purchase: PurchaseRecorded, member: Member) -> dict[str, Any]:
    """What the purchase is worth to the membership, and the rules of its time: a refund will need both."""
    held = [rule for rule in member.rules if rule.holds_at(purchase.purchased_at)]
    return {
        "id": uuid7(),
        "membership_id": member.membership.id,
        "purchase_id": purchase.purchase_id,
        "purchased_at": purchase.purchased_at,
        "eligible_minor": purchase.total.minor,
        "rules": [{"rule_id": rule.rule_id, "version": rule.version} for rule in held],
    }


def _credit(work: Work, member: Member, purchase: PurchaseRecorded, award: rules.Award) -> None:
    """Adds an award to an account, with the time that its points have."""
    program, account = member.program, member.account
    # A till whose clock is ahead keeps nobody waiting in a program that lets nobody wait.
    earned_at = purchase.purchased_at if program.pending_days else min(purchase.purchased_at, account.now)
    activates_at, expires_at = rules.lifetime(
        earned_at, program.pending_days, program.expiry_months, ZoneInfo(program.timezone)
    )
    lot = Lot(uuid7(), purchase.purchase_id, award.points, activates_at, expires_at)
    reason = Reason(
        "earn", "purchase", purchase.purchase_id, purchase.purchased_at, award.rule.rule_id, award.rule.version
    )
    paid = account.credit(reason, lot)
    work.publish(
        PointsEarned(
            customer_id=purchase.customer_id,
            membership_id=account.membership_id,
            program_id=program.id,
            purchase_id=purchase.purchase_id,
            rule_id=award.rule.rule_id,
            rule_version=award.rule.version,
            points=award.points,
            debt_paid=paid,
            available=account.available,
            earned_at=purchase.purchased_at,
            activates_at=activates_at,
            expires_at=expires_at,
        ),
        cause=purchase,
    )
