"""The records of memberships: purchases, adjustments, redemptions and lots move to where they belong."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis import SCHEMA, Command, Query, Work
from services.loyalty.points.rules.merges import Placement


@dataclass(frozen=True, slots=True)
class Part:
    """A record of a membership: what it is, where it is, and where it was recorded."""

    kind: str
    id: UUID
    membership_id: UUID
    recorded_in: UUID
    customer_id: UUID | None


async def load_parts(work: Work, ids: Sequence[UUID]) -> list[Part]:
    """Return the records of memberships."""
    return await work.fetch(_PARTS, ids=list(ids))


def wrong_parts(
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


async def move_parts(work: Work, ids: Sequence[UUID], wrong: Sequence[tuple[Part, UUID | None]]) -> None:
    """Move records to the memberships where they belong, and held points with the holds."""
    by_kind: dict[str, list[tuple[Part, UUID]]] = defaultdict(list)
    for part, right in wrong:
        assert right is not None, "the membership has just been created"
        by_kind[part.kind].append((part, right))
    for kind, moved in sorted(by_kind.items()):
        await work.execute(_MOVE[kind], ids=[part.id for part, _ in moved], memberships=[right for _, right in moved])
        await work.execute(FORGET, table=kind, ids=[part.id for part, _ in moved])
        away = [part for part, right in moved if right != part.recorded_in]
        await work.execute(
            REMEMBER,
            table=kind,
            column="membership_id",
            ids=[part.id for part in away],
            originals=[part.recorded_in for part in away],
        )
    await work.execute(_SPLIT_LOTS, ids=list(ids))


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
FORGET = Command(f"delete from {SCHEMA}.moved_row where table_name = :table and row_id = any(:ids)")
REMEMBER = Command(
    f"""
    insert into {SCHEMA}.moved_row (table_name, column_name, row_id, original_id)
    select :table, :column, id, original_id from unnest(:ids::uuid[], :originals::uuid[]) as moved(id, original_id)
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
