"""Earning: the points of a batch of purchases, by a few statements for all of its buyers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import SCHEMA, Query, Work, uuid7
from services.loyalty.points.points.events import PointsEarned, PurchaseRecorded
from services.loyalty.points.queries.accounts import open_accounts, open_new_account, publish_due_effects, save
from services.loyalty.points.queries.earning_rules import EarningProgram, active_programs
from services.loyalty.points.queries.events import publish_points
from services.loyalty.points.queries.locks import LOCK_PURCHASES
from services.loyalty.points.queries.lots import WalletRow
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules import earning
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.lots import Lot
from services.loyalty.points.rules.moves import Reason


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with its program, and its account while a batch works on it."""

    id: UUID
    customer_id: UUID
    joined_at: datetime
    program: EarningProgram
    account: Account

    @property
    def program_id(self) -> UUID:
        """The program."""
        return self.program.id


@dataclass(frozen=True, slots=True)
class EligiblePurchase:
    """A purchase that counts for a member: its amount, and the rules that were active when it was made."""

    basis_id: UUID
    purchase: PurchaseRecorded
    member: Member
    minor: int
    rules: Sequence[earning.Rule]


async def award_points(work: Work, purchases: Sequence[PurchaseRecorded]) -> dict[UUID, UUID]:
    """Award points for each purchase that has not earned yet.

    Returns the purchases of the new bases that have refunds already, by basis id.
    """
    programs = await active_programs(work)
    if not programs:
        return {}
    buyers = await _lock_buyers(work, purchases)
    members = await _open_members(work, programs, purchases, buyers)
    by_customer: dict[UUID, list[Member]] = {}
    for member in members:
        by_customer.setdefault(member.customer_id, []).append(member)
    eligible = [
        _eligible_purchase(purchase, member)
        for purchase in purchases
        for member in by_customer.get(buyers[purchase.customer_id], [])
        if _is_eligible(purchase, member)
    ]
    new = {basis.id: basis for basis in await _insert_bases(work, eligible)}
    for item in eligible:
        if item.basis_id in new:
            await _award(work, item)
    await save(work, *(member.account for member in members))
    return {basis.id: basis.purchase_id for basis in new.values() if basis.has_refunds}


# Members


async def _lock_buyers(work: Work, purchases: Sequence[PurchaseRecorded]) -> dict[UUID, UUID]:
    """Lock the purchases, and return the customer with the points of each buyer.

    That is the buyer, or the customer with whom the buyer was merged.
    """
    buyers = sorted({purchase.customer_id for purchase in purchases})
    purchase_ids = [purchase.purchase_id for purchase in purchases]
    redirects = await work.fetch(_LOCK_AND_REDIRECT, buyers=buyers, purchase_ids=purchase_ids)
    current = {redirect.id: redirect.target_id for redirect in redirects if redirect.id is not None}
    return {buyer: current.get(buyer) or buyer for buyer in buyers}


@dataclass(frozen=True, slots=True)
class RedirectRow:
    """A merged buyer, and the customer with whom he or she was merged. Null if there is none."""

    id: UUID | None
    target_id: UUID | None


# A single round trip: the locks, and the few buyers who were merged.
_LOCK_AND_REDIRECT = Query(
    RedirectRow,
    f"""
    with locked as materialized ({LOCK_PURCHASES})
    select id, target_id from (select count(*) from locked) as taken
    left join {SCHEMA}.redirect on redirect.id = any(:buyers)
    """,
)


@dataclass(frozen=True, slots=True)
class MemberRow(WalletRow):
    """A membership with its wallet."""

    program_id: UUID
    customer_id: UUID
    joined_at: datetime


async def _open_members(
    work: Work,
    programs: Mapping[UUID, EarningProgram],
    purchases: Sequence[PurchaseRecorded],
    buyers: Mapping[UUID, UUID],
) -> list[Member]:
    """Lock and return the buyers' memberships in these programs, and those of buyers who join by their purchase."""
    customer_ids = sorted(set(buyers.values()))
    rows = await work.fetch(_LOCK_MEMBERS, customer_ids=customer_ids, program_ids=list(programs))
    accounts = {account.membership_id: account for account in await open_accounts(work, rows)}
    members = [
        Member(row.id, row.customer_id, row.joined_at, programs[row.program_id], accounts[row.id]) for row in rows
    ]
    for new in await join(work, _joinings(programs, rows, purchases, buyers)):
        account = open_new_account(work, new.id)
        members.append(Member(new.id, new.customer_id, new.joined_at, programs[new.program_id], account))
    return members


def _joinings(
    programs: Mapping[UUID, EarningProgram],
    rows: Sequence[MemberRow],
    purchases: Sequence[PurchaseRecorded],
    buyers: Mapping[UUID, UUID],
) -> list[Joining]:
    """Return the buyers who join a program by their purchase, each with the time of the first purchase."""
    first: dict[tuple[UUID, UUID], datetime] = {}
    for purchase in purchases:
        for program in programs.values():
            if program.enrolment == "on_purchase" and program.currency == purchase.total.currency:
                key = (program.id, buyers[purchase.customer_id])
                first[key] = min(first.get(key, purchase.purchased_at), purchase.purchased_at)
    joined = {(row.program_id, row.customer_id) for row in rows}
    return [Joining(*key, at) for key, at in sorted(first.items()) if key not in joined]


# Locked in the order of their ids, so that two transactions do not wait for each other. The sub-select keeps the plan
# independent of the number of customers: PostgreSQL would plan for few customers each time, which takes longer than the
# statement itself.
_LOCK_MEMBERS = Query(
    MemberRow,
    """
    select wallet.id, wallet.version, pending, available, reserved, debt, due_at, settled_at,
           program_id, customer_id, joined_at
    from membership join wallet on wallet.id = membership.id
    where customer_id = any(array(select unnest(:customer_ids::uuid[])))
    and program_id = any(:program_ids) and state = 'active' and wallet.merged_into is null
    order by wallet.id for no key update of wallet
    """,
)


# Bases


@dataclass(frozen=True, slots=True)
class BasisRow:
    """A new basis, and whether refunds of its purchase were received before."""

    id: UUID
    purchase_id: UUID
    has_refunds: bool


def _is_eligible(purchase: PurchaseRecorded, member: Member) -> bool:
    """Return whether a purchase is in the program's currency and not made before the member joined by request."""
    program = member.program
    joined = program.enrolment == "on_purchase" or member.joined_at <= purchase.purchased_at
    return joined and program.currency == purchase.total.currency


def _eligible_purchase(purchase: PurchaseRecorded, member: Member) -> EligiblePurchase:
    rules = earning.active_rules(member.program.rules, purchase.purchased_at)
    return EligiblePurchase(uuid7(), purchase, member, purchase.total.minor, rules)


async def _insert_bases(work: Work, eligible: Sequence[EligiblePurchase]) -> list[BasisRow]:
    """Insert the bases of purchases that have not earned yet, and return them."""
    return await work.fetch(_INSERT_BASES, rows=[_basis_row(item) for item in eligible]) if eligible else []


_INSERT_BASES = Query(
    BasisRow,
    """
    insert into earn_basis (id, membership_id, customer_id, purchase_id, purchased_at, eligible_minor, rules)
    select id, membership_id, customer_id, purchase_id, purchased_at, eligible_minor, rules
    from json_populate_recordset(null::earn_basis, :rows::json)
    on conflict do nothing
    returning id, purchase_id,
              exists(select from told_refund where told_refund.purchase_id = earn_basis.purchase_id) as has_refunds
    """,
)


def _basis_row(item: EligiblePurchase) -> dict[str, object]:
    return {
        "id": item.basis_id,
        "membership_id": item.member.id,
        "customer_id": item.purchase.customer_id,
        "purchase_id": item.purchase.purchase_id,
        "purchased_at": item.purchase.purchased_at,
        "eligible_minor": item.minor,
        "rules": [rule.reference for rule in item.rules],
    }


# Awards


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
    activates_at, expires_at = earning.lifetime(earned_at, program.pending_days, program.expiry_months, program.zone)
    reason = Reason("earn", "purchase", purchase.purchase_id, purchased_at, rule.rule_id, rule.version)
    lot = Lot(uuid7(), purchase.purchase_id, award.points, activates_at, expires_at)
    debt_paid = account.credit(reason, lot)
    publish_points(
        work,
        PointsEarned,
        award,
        account=account,
        member=item.member,
        reference=("purchase", purchase.purchase_id),
        cause=purchase,
        occurred_at=purchased_at,
        purchase_id=purchase.purchase_id,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        debt_paid=debt_paid,
        earned_at=purchased_at,
        activates_at=lot.activates_at,
        expires_at=lot.expires_at,
    )
