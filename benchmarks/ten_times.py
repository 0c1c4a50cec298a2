"""CPU per request with ten times the data: `python -m benchmarks --large`."""

import time

import asyncpg

from benchmarks import phases, report
from benchmarks.phases import CPU, Measured
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say

COMPARED = (phases.CREATE, phases.READ, phases.FIRST_PAGE, phases.LATE_PAGE, phases.BY_EMAIL)


async def measure(stand: Stand) -> str:
    """Return a table of the CPU per request with the usual number of customers, and with ten times as many."""
    small, large = stand.sizes.customers, 10 * stand.sizes.customers
    shop = Shop(stand.gateway, small)
    await shop.fill()
    before = await _measured(stand, shop)
    started = time.perf_counter()
    await shop.grow(large)
    say(f"{large - small:,} customers in batches: {(large - small) / (time.perf_counter() - started):,.0f} per second")
    after = await _measured(stand, shop)
    rows = []
    for first, second in zip(before, after, strict=True):
        costs = [sum(measured.microseconds()) for measured in (first, second)]
        split = [" / ".join(f"{used:,.0f}" for used in measured.microseconds()) for measured in (first, second)]
        rows.append([first.phase.work, *split, f"{costs[1] / costs[0]:.2f}"])
        say(" | ".join(rows[-1]))
    return report.table([CPU, f"{small:,} customers", f"{large:,} customers", "times"], rows)


async def _measured(stand: Stand, shop: Shop) -> list[Measured]:
    """Measure each kind of work in several rounds, after all events are processed and the tables are analysed."""
    await stand.drained()
    connection = await asyncpg.connect(stand.database("customers"))
    await connection.execute("vacuum analyze")
    await connection.close()
    results = [Measured(phase) for phase in COMPARED]
    for _ in range(stand.sizes.rounds):
        for measured in results:
            await phases.once(stand, shop, measured)
    return results
