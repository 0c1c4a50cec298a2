"""Earning: the points of a batch of purchases, by a few statements for all of its buyers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Query, Work, uuid7
from services.loyalty.points import tables
from services.loyalty.points.points.events import PointsEarned, PurchaseRecorded
from services.loyalty.points.queries.accounts import open_accounts_for_credit, publish_due_effects, save
from services.loyalty.points.queries.earning_rules import rules_by_program
from services.loyalty.points.queries.locks import lock_purchases
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules import earning
from services.loyalty.points.rules.account import Account, Lot, Reason


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with its program, the program's rules, and its account while a batch works on it."""

    membership: tables.Membership
    program: tables.Program
    rules: Sequence[earning.Rule]
    account: Account


@dataclass(frozen=True, slots=True)
class EligiblePurchase:
    """A purchase that counts for a member: its amount, and the rules that were active when it was made."""

    basis_id: UUID
    purchase: PurchaseRecorded
    member: Member
    minor: int
    rules: Sequence[earning.Rule]


async def award_points(work: Work, purchases: Sequence[PurchaseRecorded]) -> dict[UUID, UUID]:
    """Award points for each purchase that has not earned yet. Returns the purchases of the new bases, by basis id."""
    programs = {program.id: program for program in await work.find_all(tables.Program, state="active")}
    if not programs:
        return {}
    await lock_purchases(work, [purchase.purchase_id for purchase in purchases])
    members = await _open_members(work, programs, purchases)
    eligible = [
        _eligible_purchase(purchase, member)
        for purchase in purchases
        for member in members.get(purchase.customer_id, [])
        if _is_eligible(purchase, member)
    ]
    new_ids = await work.insert_many_or_ignore(tables.EarnBasis, [_basis_row(item) for item in eligible])
    new = [item for item in eligible if item.basis_id in new_ids]
    for item in new:
        await _award(work, item)
    await save(work, *(member.account for each in members.values() for member in each))
    return {item.basis_id: item.purchase.purchase_id for item in new}


async def _open_members(
    work: Work, programs: Mapping[UUID, tables.Program], purchases: Sequence[PurchaseRecorded]
) -> dict[UUID, list[Member]]:
    """Return the buyers' memberships in these programs, with their accounts, by customer."""
    memberships = await work.select(_MEMBERSHIPS, customer_ids=sorted({purchase.customer_id for purchase in purchases}))
    memberships += await join(work, _joinings(programs, memberships, purchases))
    by_id = {membership.id: membership for membership in memberships if membership.program_id in programs}
    rules = await rules_by_program(work)
    members: dict[UUID, list[Member]] = {}
    for account in await open_accounts_for_credit(work, list(by_id)):
        membership = by_id[account.membership_id]
        program_id = membership.program_id
        member = Member(membership, programs[program_id], rules.get(program_id, []), account)
        members.setdefault(membership.customer_id, []).append(member)
    return members


def _joinings(
    programs: Mapping[UUID, tables.Program],
    memberships: Sequence[tables.Membership],
    purchases: Sequence[PurchaseRecorded],
) -> list[Joining]:
    """Return the buyers who join a program by their purchase, each with the time of the first purchase."""
    first: dict[tuple[UUID, UUID], datetime] = {}
    for purchase in purchases:
        for program in programs.values():
            if program.enrolment == "on_purchase" and program.currency == purchase.total.currency:
                key = (program.id, purchase.customer_id)
                first[key] = min(first.get(key, purchase.purchased_at), purchase.purchased_at)
    joined = {(membership.program_id, membership.customer_id) for membership in memberships}
    return [Joining(*key, at) for key, at in sorted(first.items()) if key not in joined]


_MEMBERSHIPS = Query(
    tables.Membership, "select * from membership where customer_id = any(:customer_ids) and state = 'active'"
)


def _is_eligible(purchase: PurchaseRecorded, member: Member) -> bool:
    """Return whether a purchase is in the program's currency and not made before the member joined by request."""
    program = member.program
    joined = program.enrolment == "on_purchase" or member.membership.joined_at <= purchase.purchased_at
    return joined and program.currency == purchase.total.currency


def _eligible_purchase(purchase: PurchaseRecorded, member: Member) -> EligiblePurchase:
    rules = earning.active_rules(member.rules, purchase.purchased_at)
    return EligiblePurchase(uuid7(), purchase, member, purchase.total.minor, rules)


def _basis_row(item: EligiblePurchase) -> dict[str, object]:
    return {
        "id": item.basis_id,
        "membership_id": item.member.membership.id,
        "purchase_id": item.purchase.purchase_id,
        "purchased_at": item.purchase.purchased_at,
        "eligible_minor": item.minor,
        "rules": [rule.reference for rule in item.rules],
    }


async def _award(work: Work, item: EligiblePurchase) -> None:
    for award in earning.awards(item.rules, item.minor):
        _credit(work, item, award)
        # Points that had expired before their purchase was received are published before the next are earned.
        await publish_due_effects(work, item.member.account)


def _credit(work: Work, item: EligiblePurchase, award: earning.Award) -> None:
    """Add an award to the member's account, as a lot with its period."""
    purchase, program, account = item.purchase, item.member.program, item.member.account
    rule, purchased_at = award.rule, purchase.purchased_at
    # In a program without a pending period, a till whose clock is ahead must not make points pending.
    earned_at = purchased_at if program.pending_days else min(purchased_at, account.now)
    activates_at, expires_at = earning.lifetime(
        earned_at, program.pending_days, program.expiry_months, ZoneInfo(program.timezone)
    )
    reason = Reason("earn", "purchase", purchase.purchase_id, purchased_at, rule.rule_id, rule.version)
    lot = Lot(uuid7(), purchase.purchase_id, award.points, activates_at, expires_at)
    debt_paid = account.credit(reason, lot)
    work.publish(_points_earned(item, award, lot, debt_paid), cause=purchase)


def _points_earned(item: EligiblePurchase, award: earning.Award, lot: Lot, debt_paid: int) -> PointsEarned:
    member = item.member
    return PointsEarned(
        customer_id=item.purchase.customer_id,
        membership_id=member.membership.id,
        program_id=member.program.id,
        purchase_id=item.purchase.purchase_id,
        rule_id=award.rule.rule_id,
        rule_version=award.rule.version,
        points=award.points,
        debt_paid=debt_paid,
        available=member.account.available,
        earned_at=item.purchase.purchased_at,
        activates_at=lot.activates_at,
        expires_at=lot.expires_at,
    )
