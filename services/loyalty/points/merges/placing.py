"""Where memberships belong: the handler of merges, and the memberships that it writes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis import SCHEMA, Command, Feature, Moves, Query, Work
from services.loyalty.points import tables
from services.loyalty.points.merges.balancing import balance, load_wallets
from services.loyalty.points.merges.moving import FORGET, REMEMBER, load_parts, move_parts, wrong_parts
from services.loyalty.points.queries.accounts import open_accounts, save
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules.merges import Member, Placement, place_members

feature = Feature("merged-members")


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


async def _place(work: Work, program_id: UUID, members: Sequence[Member], targets: Mapping[UUID, UUID]) -> None:
    """Place the memberships in a program."""
    ids = [member.id for member in members]
    parts = await load_parts(work, ids)
    named = {part.customer_id for part in parts if part.customer_id in targets}
    placement = place_members(members, targets)
    missing = sorted({targets[person] for person in named if person is not None} - placement.main_of.keys())
    changes = placement.changes
    wrong = wrong_parts(parts, placement, targets)
    if not changes and not missing and not wrong:
        return
    accounts = {account.membership_id: account for account in await open_accounts(work, await load_wallets(work, ids))}
    await save(work, *accounts.values())
    await _write_memberships(work, placement)
    for row in await join(work, [Joining(program_id, person, work.now) for person in missing]):
        placement.main_of[row.customer_id] = row.id
        ids.append(row.id)
    wrong = wrong_parts(await load_parts(work, ids), placement, targets)
    await move_parts(work, ids, wrong)
    await balance(work, program_id, ids, placement)


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
    await work.execute(FORGET, table="membership", ids=[change.id for change in placement.changes])
    await work.execute(
        REMEMBER,
        table="membership",
        column="customer_id",
        ids=[change.id for change in moved],
        originals=[placement.person_of[change.id] for change in moved],
    )


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
_WRITE_MEMBERSHIPS = Command(
    """
    update membership set customer_id = placed.customer_id, state = placed.state, merged_into = placed.merged_into,
        version = version + 1, updated_at = :now
    from unnest(:ids::uuid[], :customers::uuid[], :states::text[], :merged_into::uuid[])
        as placed(id, customer_id, state, merged_into)
    where membership.id = placed.id
    """
)
