"""The transfers in the ledger: each wallet is the sum of its lots and holds again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis import Command, Query, Work, uuid7
from services.loyalty.points.queries.accounts import load_spendable_lots, open_accounts, save
from services.loyalty.points.queries.events import PointsEvent, publish_points
from services.loyalty.points.queries.lots import WalletRow
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.merges import Placement
from services.loyalty.points.rules.moves import Reason


class PointsTransferred(PointsEvent, type="loyalty.points_transferred.v1", partition_key="customer_id"):
    """A merge of customers, or its undo, moved points to the membership, or from it if `points` is negative.

    `points` counts those that are pending, available or reserved, less the debt.
    """

    transferred_at: datetime
    """When they moved."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The points of a membership's lots and holds."""

    id: UUID
    pending: Decimal
    available: Decimal
    reserved: Decimal


async def load_wallets(work: Work, ids: Sequence[UUID]) -> list[WalletRow]:
    """Lock and return the wallets of memberships."""
    return await work.fetch(_WALLETS, ids=list(ids))


async def balance(work: Work, program_id: UUID, ids: Sequence[UUID], placement: Placement) -> None:
    """Transfer points in the ledger, so that each wallet is the sum of its lots and holds again."""
    wallets = await load_wallets(work, sorted(ids))
    accounts = {account.membership_id: account for account in await open_accounts(work, wallets)}
    sums = {row.id: row for row in await work.fetch(_SUMS, ids=list(ids))}
    reason = Reason("transfer", "merge", uuid7(), work.now)
    debts = _debts(accounts, placement)
    for id, account in sorted(accounts.items()):
        before = account.buckets
        account.transfer(
            reason,
            pending=int(sums[id].pending) - before["pending"],
            available=int(sums[id].available) - before["available"],
            reserved=int(sums[id].reserved) - before["reserved"],
            debt=debts.get(id, 0),
        )
        paid = min(account.available, account.debt)
        await load_spendable_lots(work, account, paid)
        account.pay_debt(reason, paid)
        after = account.buckets
        points = sum(after[name] - before[name] for name in ("pending", "available", "reserved"))
        points -= after["debt"] - before["debt"]
        if account.moves:
            _publish(work, account, program_id, placement, points, reason)
        account.rest_due_at = work.now  # too early rather than too late: whatever is due is looked up
    await save(work, *accounts.values())
    await work.execute(
        _WRITE_MERGED_INTO,
        ids=[change.id for change in placement.changes],
        merged_into=[change.merged_into for change in placement.changes],
        debts=[max(0, -debts.get(change.id, 0)) if change.merged_into else 0 for change in placement.changes],
    )


def _debts(accounts: Mapping[UUID, Account], placement: Placement) -> dict[UUID, int]:
    """Return by how much the debt of each membership changes: it moves with a merge, and back unless it was paid."""
    debts: dict[UUID, int] = defaultdict(int)
    for change in placement.changes:
        if change.merged_into is not None and change.former_merged_into is None:
            debts[change.id] -= accounts[change.id].debt
            debts[change.merged_into] += accounts[change.id].debt
        elif change.merged_into is None and change.former_merged_into is not None:
            holder = change.former_merged_into
            back = min(change.debt_moved, accounts[holder].debt + debts[holder])
            debts[change.id] += back
            debts[holder] -= back
    return debts


def _publish(work: Work, account: Account, program_id: UUID, placement: Placement, points: int, reason: Reason) -> None:
    customer_id = placement.customer_of(account.membership_id)
    publish_points(
        work,
        PointsTransferred,
        Moved(points),
        account=account,
        member=Holder(customer_id, program_id),
        reference=("merge", reason.source_id),
        occurred_at=work.now,
        transferred_at=work.now,
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """The points that a membership received."""

    points: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The customer and the program of a membership."""

    customer_id: UUID
    program_id: UUID


_WRITE_MERGED_INTO = Command(
    """
    with placed as (
        select * from unnest(:ids::uuid[], :merged_into::uuid[], :debts::bigint[]) as placed(id, merged_into, debt)
    ), noted as (
        update membership set debt_moved = placed.debt from placed where membership.id = placed.id
    )
    update wallet set merged_into = placed.merged_into from placed where wallet.id = placed.id
    """
)
_WALLETS = Query(
    WalletRow,
    """
    select id, version, pending, available, reserved, debt, due_at, settled_at from wallet
    where id = any(:ids) order by id for no key update
    """,
)
_SUMS = Query(
    Sums,
    """
    select wallet.id, coalesce(lots.pending, 0) as pending, coalesce(lots.remaining, 0) as available,
           coalesce(holds.points, 0) as reserved
    from wallet
    left join (
        select membership_id, sum(pending) as pending, sum(remaining) as remaining
        from lot where membership_id = any(:ids) group by membership_id
    ) as lots on lots.membership_id = wallet.id
    left join (
        select membership_id, sum(points) as points
        from redemption where membership_id = any(:ids) and state = 'reserved' group by membership_id
    ) as holds on holds.membership_id = wallet.id
    where wallet.id = any(:ids)
    """,
)
