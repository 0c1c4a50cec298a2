"""Merged customers: their memberships and points are the survivor's, and return when the merge is undone.

Of two memberships in a program, one is merged into the other. Its lots move with their expiry, and so do holds and
debt. Transfers in the ledger balance both, so no point is won or lost. What a purchase earned follows the customer of
its event, and everything else the membership under which it was recorded.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from chassis import SCHEMA, Command, Feature, Moves, Query, Work, uuid7
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import load_spendable_lots, open_accounts, save
from services.loyalty.points.queries.events import PointsEvent, publish_points
from services.loyalty.points.queries.lots import WalletRow
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules.account import Account
from services.loyalty.points.rules.merges import Member, Placement, place_members
from services.loyalty.points.rules.moves import Reason

feature = Feature("merged-members")


class PointsTransferred(PointsEvent, type="loyalty.points_transferred.v1", partition_key="customer_id"):
    """A merge of customers, or its undo, moved points to the membership, or from it if `points` is negative.

    `points` counts those that are pending, available or reserved, less the debt.
    """

    transferred_at: datetime
    """When they moved."""


@feature.moves(tables.Membership)
async def place_memberships(work: Work, moved: Moves) -> None:
    """Bring the memberships of all customers that merges connect to where they belong, with their points."""
    people = list(moved.targets)
    # Two statements: only the second sees what the former owners of the locks have committed.
    await work.fetch(_LOCK_WALLETS, people=people)
    programs: dict[UUID, list[Member]] = defaultdict(list)
    for member in await work.fetch(_MEMBERS, people=people):
        programs[member.program_id].append(member)
    for program_id, members in sorted(programs.items()):
        await _place(work, program_id, members, moved.targets)


@dataclass(frozen=True, slots=True)
class Part:
    """A record of a membership: what it is, where it is, and where it was recorded."""

    kind: str
    id: UUID
    membership_id: UUID
    recorded_in: UUID
    customer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Sums:
    """The points of a membership's lots and holds."""

    id: UUID
    pending: Decimal
    available: Decimal
    reserved: Decimal


async def _place(work: Work, program_id: UUID, members: Sequence[Member], targets: Mapping[UUID, UUID]) -> None:
    """Place the memberships in a program."""
    ids = [member.id for member in members]
    parts = await work.fetch(_PARTS, ids=ids)
    named = {part.customer_id for part in parts if part.customer_id in targets}
    placement = place_members(members, targets)
    missing = sorted({targets[person] for person in named if person is not None} - placement.main_of.keys())
    changes = placement.changes
    wrong = _wrong_parts(parts, placement, targets)
    if not changes and not missing and not wrong:
        return
    accounts = {account.membership_id: account for account in await open_accounts(work, await _wallets(work, ids))}
    await save(work, *accounts.values())
    await _write_memberships(work, placement)
    for row in await join(work, [Joining(program_id, person, work.now) for person in missing]):
        placement.main_of[row.customer_id] = row.id
        ids.append(row.id)
    wrong = _wrong_parts(await work.fetch(_PARTS, ids=ids), placement, targets)
    await _move_parts(work, wrong)
    await work.execute(_SPLIT_LOTS, ids=ids)
    await _balance(work, program_id, ids, placement)


def _wrong_parts(
    parts: Sequence[Part], placement: Placement, targets: Mapping[UUID, UUID]
) -> list[tuple[Part, UUID | None]]:
    """Return the parts that are in the wrong membership, each with the right one, or None if that does not exist."""
    wrong = []
    for part in parts:
        person = placement.person_of[part.recorded_in]
        if part.customer_id is not None and part.customer_id in targets:
            person = part.customer_id
        right = placement.main_of.get(targets[person])
        if right is None and person == placement.person_of[part.recorded_in]:
            right = part.recorded_in  # of a membership that has ended
        if right != part.membership_id:
            wrong.append((part, right))
    return wrong


async def _wallets(work: Work, ids: Sequence[UUID]) -> list[WalletRow]:
    return await work.fetch(_WALLETS, ids=list(ids))


async def _write_memberships(work: Work, placement: Placement) -> None:
    # Memberships that are no longer current come first: a customer has at most one current membership in a program.
    for changes in (
        [change for change in placement.changes if change.merged_into is not None],
        [change for change in placement.changes if change.merged_into is None],
    ):
        await work.execute(
            _WRITE_MEMBERSHIPS,
            ids=[change.id for change in changes],
            customers=[change.customer_id for change in changes],
            states=[change.state for change in changes],
            merged_into=[change.merged_into for change in changes],
            now=work.now,
        )
    moved = [change for change in placement.changes if change.customer_id != placement.person_of[change.id]]
    await work.execute(_FORGET, table="membership", ids=[change.id for change in placement.changes])
    await work.execute(
        _REMEMBER,
        table="membership",
        column="customer_id",
        ids=[change.id for change in moved],
        originals=[placement.person_of[change.id] for change in moved],
    )


async def _move_parts(work: Work, wrong: Sequence[tuple[Part, UUID | None]]) -> None:
    by_kind: dict[str, list[tuple[Part, UUID]]] = defaultdict(list)
    for part, right in wrong:
        assert right is not None, "the membership has just been created"
        by_kind[part.kind].append((part, right))
    for kind, moved in sorted(by_kind.items()):
        await work.execute(_MOVE[kind], ids=[part.id for part, _ in moved], memberships=[right for _, right in moved])
        await work.execute(_FORGET, table=kind, ids=[part.id for part, _ in moved])
        away = [part for part, right in moved if right != part.recorded_in]
        await work.execute(
            _REMEMBER,
            table=kind,
            column="membership_id",
            ids=[part.id for part in away],
            originals=[part.recorded_in for part in away],
        )


async def _balance(work: Work, program_id: UUID, ids: Sequence[UUID], placement: Placement) -> None:
    """Transfer points in the ledger, so that each wallet is the sum of its lots and holds again."""
    wallets = await _wallets(work, sorted(ids))
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


_LOCK_WALLETS = Query(
    UUID,
    """
    select wallet.id from membership join wallet on wallet.id = membership.id
    where customer_id = any(:people) order by wallet.id for no key update of wallet
    """,
)
_MEMBERS = Query(
    Member,
    f"""
    select membership.id, program_id, customer_id, coalesce(original_id, customer_id) as person_id, state, joined_at,
           membership.merged_into, membership.debt_moved::bigint as debt_moved
    from membership left join {SCHEMA}.moved_row
        on table_name = 'membership' and column_name = 'customer_id' and row_id = membership.id
    where customer_id = any(:people) order by membership.id
    """,
)


def _parts_of(kind: str, customer: str = "null::uuid", more: str = "") -> str:
    return f"""
        select '{kind}' as kind, {kind}.id, {kind}.membership_id,
               coalesce(original_id, {kind}.membership_id) as recorded_in, {customer} as customer_id
        from {kind} {more} left join {SCHEMA}.moved_row
            on table_name = '{kind}' and column_name = 'membership_id' and row_id = {kind}.id
        where {kind}.membership_id = any(:ids)
    """


# A lot follows the purchase that earned it.
_PARTS = Query(
    Part,
    " union all ".join(
        (
            _parts_of("earn_basis", "earn_basis.customer_id"),
            _parts_of("points_adjustment"),
            _parts_of("redemption"),
            _parts_of(
                "lot",
                "basis.customer_id",
                "left join earn_basis as basis"
                " on basis.purchase_id = lot.source_id and basis.membership_id = any(:ids)",
            ),
        )
    ),
)
_MOVE = {
    kind: Command(
        f"""
        update {kind} set membership_id = moved.membership_id
        from unnest(:ids::uuid[], :memberships::uuid[]) as moved(id, membership_id) where {kind}.id = moved.id
        """
    )
    for kind in ("earn_basis", "points_adjustment", "redemption", "lot")
}
_FORGET = Command(f"delete from {SCHEMA}.moved_row where table_name = :table and row_id = any(:ids)")
_REMEMBER = Command(
    f"""
    insert into {SCHEMA}.moved_row (table_name, column_name, row_id, original_id)
    select :table, :column, id, original_id from unnest(:ids::uuid[], :originals::uuid[]) as moved(id, original_id)
    """
)
_WRITE_MEMBERSHIPS = Command(
    """
    update membership set customer_id = placed.customer_id, state = placed.state, merged_into = placed.merged_into,
        version = version + 1, updated_at = :now
    from unnest(:ids::uuid[], :customers::uuid[], :states::text[], :merged_into::uuid[])
        as placed(id, customer_id, state, merged_into)
    where membership.id = placed.id
    """
)
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
# Held points of a lot that belongs to another membership now become a lot of the membership that holds them.
_SPLIT_LOTS = Command(
    """
    with held as (
        select lot_allocation.id as allocation_id, uuidv7() as id, redemption.membership_id, lot_allocation.points,
               lot.id as lot_id, lot.source_id, lot.activates_at, lot.expires_at
        from redemption join lot_allocation on redemption_id = redemption.id join lot on lot.id = lot_id
        where redemption.membership_id = any(:ids) and redemption.state = 'reserved'
            and lot.membership_id <> redemption.membership_id
    ), split as (
        insert into lot (id, membership_id, source_id, original, pending, remaining, expired, activates_at, expires_at)
        select id, membership_id, source_id, points, 0, 0, 0, activates_at, expires_at from held
    ), reduced as (
        update lot set original = original - taken.points
        from (select lot_id, sum(points) as points from held group by lot_id) as taken
        where lot.id = taken.lot_id
    )
    update lot_allocation set lot_id = held.id from held where lot_allocation.id = held.allocation_id
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
