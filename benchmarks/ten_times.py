"""Ten times the data: `python -m benchmarks --large`."""

import time
from collections.abc import Callable, Iterator, Mapping

from benchmarks import bars, phases, report
from benchmarks.bars import Bar, at_most
from benchmarks.load import at_a_rate
from benchmarks.phases import CPU, Measured
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say
from benchmarks.yardsticks import Yard

COMPARED = (
    phases.CREATE,
    phases.READ,
    phases.FIRST_PAGE,
    phases.LATE_PAGE,
    phases.BY_EMAIL,
    phases.BY_NAME,
)
LOOKUPS_A_SECOND, P99_MILLISECONDS = 200, 20
LOOKUPS: Mapping[str, Callable[[Shop], Iterator[bytes]]] = {
    "id": Shop.reads,
    "e-mail": Shop.looked_up_by_email,
    "external id": Shop.looked_up_by_external_id,
    "name with a wrong letter": Shop.looked_up_by_name,
}


async def measure(stand: Stand, yard: Yard) -> str:
    """Return the CPU per request with the usual number of customers and with ten times as many, and the bars there."""
    small, large = stand.sizes.customers, 10 * stand.sizes.customers
    shop = Shop(stand.gateway, small)
    await shop.fill()
    before = await _measured(stand, shop, yard)
    started = time.perf_counter()
    await shop.grow(large)
    say(f"{large - small:,} customers in batches: {(large - small) / (time.perf_counter() - started):,.0f} per second")
    shop.customers = large
    after = await _measured(stand, shop, yard)
    rows = []
    for work, first in before.items():
        costs = [sum(measured.microseconds()) for measured in (first, after[work])]
        split = [" / ".join(f"{used:,.0f}" for used in measured.microseconds()) for measured in (first, after[work])]
        rows.append([work, *split, f"{costs[1] / costs[0]:.2f}"])
        say(" | ".join(rows[-1]))
    cpu = report.table([CPU, f"{small:,} customers", f"{large:,} customers", "times"], rows)
    figures = {work: measured.ratio for work, measured in after.items()}
    found = await _looked_up(stand, shop)
    ours = [bar for bar in bars.BARS if bar.figure in figures] + [_bar(by) for by in LOOKUPS]
    return f"{cpu}\n\nWith {large:,} customers:\n\n{bars.verdicts(figures | found, ours)}"


async def _measured(stand: Stand, shop: Shop, yard: Yard) -> dict[str, Measured]:
    """Measure each kind of work in several rounds, after all events are processed and the tables are analysed."""
    await stand.vacuum()
    return await phases.measure(stand, shop, yard, COMPARED)


async def _looked_up(stand: Stand, shop: Shop) -> dict[str, float]:
    """Return the p99 of each look-up at a steady rate, in milliseconds."""
    figures = {}
    for by, requests in LOOKUPS.items():
        outcome = await at_a_rate(stand.gateway, requests(shop), LOOKUPS_A_SECOND, stand.sizes.points_seconds)
        figures[_bar(by).figure] = outcome.quantile(0.99)
        say(f"look-ups by {by}: p99 {outcome.quantile(0.99):.1f} ms")
    return figures


def _bar(by: str) -> Bar:
    return at_most(f"look-up by {by} at {LOOKUPS_A_SECOND}/s, p99", P99_MILLISECONDS, "ms")
