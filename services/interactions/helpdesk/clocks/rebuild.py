"""Rebuild clocks from the steps of their cases, and repair those that differ, when `rapport rebuild` asks for it."""

from uuid import UUID

from chassis import Command, Feature, Query, UnitOfWork, Work
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.clocks import clock_of, columns_of, compute_clocks, update_clocks

feature = Feature("clocks")

BATCH_SIZE = 500
MAX_DIFFERENCES = 500
"""A transaction of a rebuild repairs about so many cases."""
FIRST = UUID(int=0)


@feature.rebuild
async def rebuild_clocks(work: Work, repair: bool) -> int:
    """Compare the clocks of all cases with their steps. Both are taken as they are at the time of the comparison."""
    after, differences = FIRST, 0
    while cases := await work.fetch(_CASES, after=after, batch_size=BATCH_SIZE):
        after = cases[-1]
        differing = await _find_differences(work, cases)
        differences += len(differing)
        for case_id in differing if repair else ():
            await _repair(work, case_id)
        if repair and differences >= MAX_DIFFERENCES:
            break
    return differences


async def _find_differences(work: UnitOfWork, cases: list[UUID]) -> list[UUID]:
    """Return the cases whose clocks differ."""
    stored: dict[UUID, dict[tuple[str, int], object]] = {id: {} for id in cases}
    for row in await work.fetch(_CLOCKS, cases=cases):
        stored[row.case_id][row.kind, row.cycle] = columns_of(clock_of(row).settle(work.now))
    computed = {
        chosen.case_id: {(clock.kind, clock.cycle): columns_of(clock) for clock in clocks}
        for chosen, clocks in await compute_clocks(work, cases)
    }
    return [id for id in cases if stored[id] != computed[id]]


async def _repair(work: UnitOfWork, case_id: UUID) -> None:
    """Compute the clocks of a case again under its lock, because it may have changed since the comparison."""
    await work.get(tables.SupportCase, case_id, for_update=True)
    ((_, clocks),) = await compute_clocks(work, [case_id])
    await work.execute(_DELETE_OTHERS, case_id=case_id, keys=[f"{clock.kind} {clock.cycle}" for clock in clocks])
    await update_clocks(work, case_id)


_CASES = Query(UUID, "select case_id from case_policy where case_id > :after order by case_id limit :batch_size")
_CLOCKS = Query(tables.SlaClock, "select * from sla_clock where case_id = any(:cases)")
_DELETE_OTHERS = Command(
    "delete from sla_clock where case_id = :case_id and kind || ' ' || cycle <> all(:keys::text[])"
)
