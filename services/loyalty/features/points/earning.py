"""Earning: what a batch of purchases is worth to their buyers, by a few statements for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Work, uuid7
from chassis.statements import rows_of
from services.loyalty import rules
from services.loyalty.features.points.facts import PointsEarned, PurchaseRecorded
from services.loyalty.model import EarnBasis, EarningRule, Lot, Membership, PointsEntry, Program, Wallet
from services.loyalty.operations import join


@dataclass(slots=True)
class Account:
    """A membership with its wallet, while a batch works on it."""

    membership: Membership
    program: Program
    wallet: Wallet
    rules: list[rules.Rule]


async def award_points(work: Work, purchases: Sequence[PurchaseRecorded]) -> list[UUID]:
    """Awards points for each purchase that has not earned yet; answers with those purchases."""
    programs = {program.id: program for program in await work.all(Program, state="active")}
    if not programs:
        return []
    await _enrol_buyers(work, programs, purchases)
    accounts = await _accounts(work, programs, purchases)
    worth = [
        (purchase, account, _basis(purchase, account))
        for purchase in purchases
        for account in accounts.get(purchase.customer_id, [])
        if _takes_part(account, purchase)
    ]
    fresh = await work.insert_all(EarnBasis, [basis for _, _, basis in worth], new_only=True)
    entries: list[dict[str, Any]] = []
    lots: list[dict[str, Any]] = []
    for purchase, account, basis in worth:
        if basis["id"] in fresh:
            for award in rules.awards(account.rules, purchase.total.minor, purchase.purchased_at):
                _credit(work, account, purchase, award, entries, lots)
    await work.insert_all(PointsEntry, entries)
    await work.insert_all(Lot, lots)
    await _store_wallets(work, [account.wallet for each in accounts.values() for account in each])
    return sorted({purchase.purchase_id for purchase, _, basis in worth if basis["id"] in fresh})


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


async def _accounts(
    work: Work, programs: Mapping[UUID, Program], purchases: Sequence[PurchaseRecorded]
) -> dict[UUID, list[Account]]:
    """The buyers' memberships, by customer, their wallets locked in the order of their ids."""
    buyers = sorted({purchase.customer_id for purchase in purchases})
    found = await work.fetch("select * from membership where customer_id = any($1) and state = 'active'", buyers)
    memberships = [one for one in rows_of(Membership, found) if one.program_id in programs]
    locked = await work.fetch(
        "select * from wallet where id = any($1) order by id for no key update", [one.id for one in memberships]
    )
    wallets = {wallet.id: wallet for wallet in rows_of(Wallet, locked)}
    earning = await _rules_by_program(work)
    accounts: dict[UUID, list[Account]] = {}
    for one in memberships:
        account = Account(one, programs[one.program_id], wallets[one.id], earning.get(one.program_id, []))
        accounts.setdefault(one.customer_id, []).append(account)
    return accounts


async def _rules_by_program(work: Work) -> dict[UUID, list[rules.Rule]]:
    found: dict[UUID, list[rules.Rule]] = {}
    for row in await work.all(EarningRule, order_by="rule_id, version"):
        rule = rules.Rule(row.rule_id, row.version, row.points, row.per_minor, row.valid_from, row.valid_to)
        found.setdefault(row.program_id, []).append(rule)
    return found


def _takes_part(account: Account, purchase: PurchaseRecorded) -> bool:
    """Whether a purchase counts: in the program's currency, and not made before a member had joined by asking."""
    program = account.program
    joined = program.enrolment == "on_purchase" or account.membership.joined_at <= purchase.purchased_at
    return joined and program.currency == purchase.total.currency


def _basis(purchase: PurchaseRecorded, account: Account) -> dict[str, Any]:
    """What the purchase is worth to the membership, and the rules of its time: a refund will need both."""
    held = [rule for rule in account.rules if rule.holds_at(purchase.purchased_at)]
    return {
        "id": uuid7(),
        "membership_id": account.membership.id,
        "purchase_id": purchase.purchase_id,
        "purchased_at": purchase.purchased_at,
        "eligible_minor": purchase.total.minor,
        "rules": [{"rule_id": rule.rule_id, "version": rule.version} for rule in held],
    }


def _credit(
    work: Work,
    account: Account,
    purchase: PurchaseRecorded,
    award: rules.Award,
    entries: list[dict[str, Any]],
    lots: list[dict[str, Any]],
) -> None:
    """Adds an award to a wallet: debt is paid first, the rest makes a lot."""
    wallet = account.wallet
    paid, available = rules.split_credit(award.points, wallet.debt)
    wallet.debt -= paid
    wallet.available += available
    for bucket, points in (("debt", paid), ("available", available)):
        if points:
            entry = _entry(work, account, purchase, award, bucket, points)
            entries.append(entry)
            if bucket == "available":
                lots.append(_lot(entry, purchase))
    work.publish(
        PointsEarned(
            customer_id=purchase.customer_id,
            membership_id=account.membership.id,
            program_id=account.program.id,
            purchase_id=purchase.purchase_id,
            rule_id=award.rule.rule_id,
            rule_version=award.rule.version,
            points=award.points,
            debt_paid=paid,
            available=wallet.available,
            earned_at=purchase.purchased_at,
        ),
        cause=purchase,
    )


def _entry(
    work: Work, account: Account, purchase: PurchaseRecorded, award: rules.Award, bucket: str, points: int
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "membership_id": account.membership.id,
        "kind": "earn",
        "from_bucket": "issued",
        "to_bucket": bucket,
        "points": points,
        "source_type": "purchase",
        "source_id": str(purchase.purchase_id),
        "rule_id": award.rule.rule_id,
        "rule_version": award.rule.version,
        "occurred_at": purchase.purchased_at,
        "recorded_at": work.now,
    }


def _lot(entry: Mapping[str, Any], purchase: PurchaseRecorded) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "membership_id": entry["membership_id"],
        "entry_id": entry["id"],
        "original": entry["points"],
        "remaining": entry["points"],
        "activates_at": purchase.purchased_at,
        "expires_at": None,
    }


async def _store_wallets(work: Work, wallets: Sequence[Wallet]) -> None:
    await work.execute(
        """
        update wallet set available = new.available, debt = new.debt
        from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as new(id, available, debt) where wallet.id = new.id
        """,
        [wallet.id for wallet in wallets],
        [wallet.available for wallet in wallets],
        [wallet.debt for wallet in wallets],
    )
