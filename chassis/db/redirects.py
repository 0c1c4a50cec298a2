"""Merged persons: the person to whom the rows of each belong now, and the rows that moved.

A row belongs to the person to whom the person leads under whom it was recorded. So where it belongs depends on the
merges alone, not on the order in which merges, undos and rows arrive, and applying any of them again changes nothing.

`moved_row` has the person under whom a row was recorded, for rows that belong to another person now. A transaction that
began before a merge may leave a row behind: the merges are applied once more a minute later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import MetaData

from chassis.db.statements import Command, Query, current_person_sql, table_name
from chassis.db.tables import SCHEMA, Table, Versioned
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.merges import MergeRecord, targets_of

SETTLE_SECONDS = 60
"""A transaction that began before a merge has ended after this time."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Where the rows of persons belong now, after merges or undos."""

    targets: Mapping[UUID, UUID]
    """The target of every person that any chain of merges connects with those that changed."""
    changed: frozenset[UUID]
    """The persons whose rows may be in the wrong place."""


MoveFunction = Callable[[UnitOfWork, Moves], Awaitable[None]]
OWN_MOVES: dict[type[Table], MoveFunction] = {}
"""The functions that move the rows of tables whose declaration says `own` (`Feature.moves`)."""


async def lock_merges(work: UnitOfWork) -> None:
    """Let the merges of the tenant run in sequence, until the commit."""
    await work.execute(_LOCK)


async def apply_merge(work: UnitOfWork, metadata: MetaData, merge: MergeRecord) -> Moves:
    """Record a merge or an undo, and move rows accordingly.

    An undo may arrive before its merge, which then has no effect.
    """
    await lock_merges(work)
    await work.execute(
        _RECORD,
        id=merge.id,
        merged_id=merge.merged_id,
        survivor_id=merge.survivor_id,
        number=merge.number,
        undone=merge.undone,
    )
    return await _align(work, metadata, [merge.merged_id, merge.survivor_id])


async def current_person(work: UnitOfWork, id: UUID) -> UUID:
    """Return the person to whom the rows of a person belong: itself, unless it was merged."""
    (current,) = await work.select(_CURRENT, id=id)
    return current


async def recorded_person(work: UnitOfWork, row: Table, column: str = "customer_id") -> UUID:
    """Return the person under whom a row was recorded. Records that are derived from the row name it as well."""
    found = await work.select(_RECORDED, table=table_name(type(row)), column=column, row_id=row.id)
    person: UUID = found[0] if found else getattr(row, column)
    return person


async def settle_merges(work: UnitOfWork, metadata: MetaData) -> bool:
    """Move the rows that transactions concurrent with a merge have left behind. Returns whether there may be more."""
    await work.execute(_LOCK)
    merges = await work.fetch(_UNSETTLED, seconds=SETTLE_SECONDS)
    for merge in merges:
        await _align(work, metadata, [merge.merged_id, merge.survivor_id])
        await work.execute(_SETTLE, id=merge.id)
    return bool(merges)


async def _align(work: UnitOfWork, metadata: MetaData, ids: Sequence[UUID]) -> Moves:
    merges = await work.fetch(_CONNECTED, ids=list(ids))
    targets = targets_of(merges)
    before = {row.id: row.target_id for row in await work.fetch(_REDIRECTS, ids=list(targets))}
    changed = {id for id, target in targets.items() if before.get(id, id) != target} | set(ids)
    away = {id: targets[id] for id in changed if targets[id] != id}
    await work.execute(_DELETE_REDIRECTS, ids=list(changed - away.keys()))
    await work.execute(_UPSERT_REDIRECTS, ids=list(away), targets=list(away.values()))
    result = Moves(targets, frozenset(changed))
    for table in tables_of(metadata):
        for person in table.persons:
            if person.merge == "move":
                for command in _move_commands(table, person.column):
                    await work.execute(command, ids=sorted(changed))
    own = {OWN_MOVES[table] for table in tables_of(metadata) if table in OWN_MOVES}
    for function in sorted(own, key=lambda function: function.__qualname__):
        await function(work, result)
    return result


def tables_of(metadata: MetaData) -> list[type[Table]]:
    """Return the classes of a service's tables, by name."""
    pending: list[type[Table]] = [Table]
    classes = set()
    while pending:
        table = pending.pop()
        pending += table.__subclasses__()
        if getattr(getattr(table, "__table__", None), "metadata", None) is metadata:
            classes.add(table)
    return sorted(classes, key=table_name)


@cache
def _move_commands(table: type[Table], column: str) -> tuple[Command, Command]:
    """Return the commands that move the rows of persons: those that moved before, and then all others."""
    values = {
        "table": table_name(table),
        "column": column,
        "log": f"{SCHEMA}.moved_row",
        "redirect": f"{SCHEMA}.redirect",
        "version": ", version = version + 1" if issubclass(table, Versioned) else "",
    }
    return Command(_MOVE_AGAIN.format(**values)), Command(_MOVE_FIRST.format(**values))


_MOVE_AGAIN = """
    with moved as (
        select row_id, original_id, coalesce(target_id, original_id) as target_id
        from {log} left join {redirect} on redirect.id = original_id
        where original_id = any(:ids) and table_name = '{table}' and column_name = '{column}'
    ), returned as (
        delete from {log} as log using moved
        where table_name = '{table}' and column_name = '{column}' and log.row_id = moved.row_id
            and moved.target_id = moved.original_id
    )
    update {table} set {column} = moved.target_id{version} from moved
    where {table}.id = moved.row_id and {table}.{column} <> moved.target_id
"""
_MOVE_FIRST = """
    with moving as (
        select {table}.id, redirect.id as original_id, target_id
        from {table} join {redirect} on redirect.id = {table}.{column}
        where {table}.{column} = any(:ids) and not exists (
            select from {log} where table_name = '{table}' and column_name = '{column}' and row_id = {table}.id
        )
    ), logged as (
        insert into {log} (table_name, column_name, row_id, original_id)
        select '{table}', '{column}', id, original_id from moving
    )
    update {table} set {column} = target_id{version} from moving where {table}.id = moving.id
"""


_CURRENT = Query(UUID, f"select {current_person_sql(':id::uuid')}")
_RECORDED = Query(
    UUID,
    f"""
    select original_id from {SCHEMA}.moved_row
    where table_name = :table and column_name = :column and row_id = :row_id
    """,
)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A merged person, and the person to whom its rows belong."""

    id: UUID
    target_id: UUID


# Merges of a tenant are applied in sequence: they are rare, and chains of them would deadlock.
_LOCK = Command("select pg_advisory_xact_lock(hashtextextended('merge ' || current_setting('app.tenant'), 0))")
_RECORD = Command(
    f"""
    insert into {SCHEMA}.merge (id, merged_id, survivor_id, number, undone)
    values (:id, :merged_id, :survivor_id, :number, :undone)
    on conflict (tenant_id, id) do update
    set undone = merge.undone or excluded.undone, recorded_at = now(), settled = false
    """
)
_CONNECTED = Query(
    MergeRecord,
    f"""
    with recursive person(id) as (
        select unnest(:ids::uuid[])
        union
        select case when merge.merged_id = person.id then merge.survivor_id else merge.merged_id end
        from person join {SCHEMA}.merge on merge.merged_id = person.id or merge.survivor_id = person.id
    )
    select id, merged_id, survivor_id, number, undone from {SCHEMA}.merge
    where merged_id in (select id from person)
    """,
)
_REDIRECTS = Query(Redirect, f"select id, target_id from {SCHEMA}.redirect where id = any(:ids)")
_DELETE_REDIRECTS = Command(f"delete from {SCHEMA}.redirect where id = any(:ids)")
_UPSERT_REDIRECTS = Command(
    f"""
    insert into {SCHEMA}.redirect (id, target_id)
    select id, target_id from unnest(:ids::uuid[], :targets::uuid[]) as moved(id, target_id)
    on conflict (tenant_id, id) do update set target_id = excluded.target_id
    """
)
_UNSETTLED = Query(
    MergeRecord,
    f"""
    select id, merged_id, survivor_id, number, undone from {SCHEMA}.merge
    where not settled and recorded_at < now() - make_interval(secs => :seconds)
    order by recorded_at limit 10
    """,
)
_SETTLE = Command(f"update {SCHEMA}.merge set settled = true where id = :id")
