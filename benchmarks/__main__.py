"""Run the benchmark: `make bench`. It starts its own stack, measures, prints, and writes docs/benchmarks.md."""

import argparse
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import uvloop

from benchmarks import bars, duplicates, feed, gateway, imports, phases, processes, records, report, ten_times, webhooks
from benchmarks.events import flows
from benchmarks.latency import RATE, highest_rate, purchase_to_points
from benchmarks.phases import CPU, CREATE, FIRST_PAGE, LATE_PAGE, PHASES, READ
from benchmarks.shop import Shop
from benchmarks.sizes import QUICK, WHOLE, Sizes
from benchmarks.stand import Stand, a_stand, say, stack
from benchmarks.yardsticks import Yard

OURS = [name for name in processes.MEMBERS if name not in ("postgres", "kafka")]
Memory = Mapping[str, float]


def main() -> None:
    """Run the benchmark that the options select."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--large", action="store_true", help="measure with ten times the data")
    options.add_argument("--webhooks", action="store_true", help="measure webhooks with bad receivers")
    options.add_argument("--duplicates", action="store_true", help="measure the search for duplicates, and the check")
    options.add_argument("--customers", type=int, default=1_000_000, help="the customers among which it searches")
    options.add_argument("--imports", type=int, metavar="ROWS", help="measure an import of so many rows")
    options.add_argument("--records", type=int, metavar="RECORDS", help="measure reads among so many touch points")
    options.add_argument("--quick", action="store_true", help="run a short test of the harness and write nothing")
    chosen = options.parse_args()
    sizes = QUICK if chosen.quick else WHOLE
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        if chosen.large:
            section, text = "ten times", at_ten_times(Path(folder), sizes)
        elif chosen.webhooks:
            section, text = "webhooks", with_webhooks(Path(folder), sizes)
        elif chosen.duplicates:
            section, text = "duplicates", of_duplicates(Path(folder), sizes, chosen.customers)
        elif chosen.imports:
            section, text = "imports", with_an_import(Path(folder), sizes, chosen.imports)
        elif chosen.records:
            section, text = "records", among_records(Path(folder), sizes, chosen.records)
        else:
            section, text = "make bench", everything(Path(folder), sizes)
    text = f"Measured {report.machine()}.\n\n{text}"
    if chosen.quick:
        print(f"\n{text}")
    else:
        report.write(section, text)
        print(f"\nwritten to {report.PAGE}")


def at_ten_times(folder: Path, sizes: Sizes) -> str:
    """Run the large benchmark; return its section of the page."""

    async def run(stand: Stand) -> str:
        yard = Yard(stand.database("customers"), folder)
        await yard.build()
        return await ten_times.measure(stand, yard)

    with stack(folder / "data") as (data_dir, _):
        return uvloop.run(run(a_stand(data_dir, sizes)))


def with_webhooks(folder: Path, sizes: Sizes) -> str:
    """Run the benchmark of webhooks; return its section of the page."""
    with stack(folder / "data") as (data_dir, _):
        return uvloop.run(webhooks.measure(a_stand(data_dir, sizes)))


def of_duplicates(folder: Path, sizes: Sizes, customers: int) -> str:
    """Run the benchmark of duplicates; return its section of the page."""
    with stack(folder / "data") as (data_dir, _):
        return uvloop.run(duplicates.measure(a_stand(data_dir, sizes), customers))


def with_an_import(folder: Path, sizes: Sizes, rows: int) -> str:
    """Run the benchmark of an import; return its section of the page."""

    async def run(stand: Stand) -> str:
        text, figures = await imports.measure(stand, Yard(stand.database("customers"), folder), rows)
        return f"{text}\n\n{bars.verdicts(figures, imports.BARS)}"

    with stack(folder / "data") as (data_dir, _):
        return uvloop.run(run(a_stand(data_dir, sizes)))


def among_records(folder: Path, sizes: Sizes, number: int) -> str:
    """Run the benchmark of reads among many records; return its section of the page."""

    async def run(stand: Stand) -> str:
        text, figures = await records.measure(stand, number)
        return f"{text}\n\n{bars.verdicts(figures, records.bars_of(number))}"

    with stack(folder / "data") as (data_dir, _):
        return uvloop.run(run(a_stand(data_dir, sizes)))


def everything(folder: Path, sizes: Sizes) -> str:
    """Run the standard benchmark; return its section of the page."""
    with stack(folder / "data") as (data_dir, fresh):
        before = processes.megabytes(data_dir)
        text, figures, after = uvloop.run(measure(a_stand(data_dir, sizes), folder))
    with stack(folder / "data") as (_, again):
        pass
    figures["start with a new data folder"] = fresh
    figures["memory of the five processes"] = sum(after[name] for name in OURS)
    started = f"The stack starts in {fresh:.1f} s with a new data folder, and in {again:.1f} s with an existing one."
    return "\n\n".join(
        [text, memory_table(before, after), started, bars.verdicts(figures, [*bars.BARS, *imports.BARS])]
    )


async def measure(stand: Stand, folder: Path) -> tuple[str, dict[str, float], Memory]:
    """Return the report, the figures that have bars, and the memory before loyalty is killed."""
    shop = Shop(stand.gateway, stand.sizes.customers)
    started = time.perf_counter()
    await shop.fill()
    await stand.vacuum()
    say(f"{shop.customers:,} customers in batches: {shop.customers / (time.perf_counter() - started):,.0f} per second")
    yard = Yard(stand.database("customers"), folder)
    await yard.build()
    results = await phases.measure(stand, shop, yard, PHASES)
    work = report.table(
        [
            "work",
            "rate",
            "p50 / p99 ms",
            f"{CPU} / load generator",
            "ratio (spread)",
        ],
        [measured.row() for measured in results.values()],
    )
    added_text, added = await gateway.overhead(stand, shop)
    await stand.drained()
    import_text, imported = await imports.measure(stand, yard, stand.sizes.imported_rows)
    points_text, points = await becoming_points(stand, shop)
    flowed = await flows(stand, shop, yard)
    feed_text, feed_rate = await feed.reading(stand)
    flow = report.table(["events", "rate", "compared with"], [backlog.row() for backlog in flowed])
    memory = processes.megabytes(stand.data_dir)
    killed_text, killed = await across_a_kill(stand, shop)
    figures = {name: measured.ratio for name, measured in results.items()} | points | killed | imported
    figures |= {
        "rate of page 1 divided by that of page 100": results[FIRST_PAGE.work].by(results[LATE_PAGE.work]),
        "gateway overhead on a read, p50": added["read"],
        "gateway overhead on a write, p50": added["write"],
        "gateway's share of the CPU of a read": results[READ.work].gateways_share,
        "gateway's share of the CPU of a write": results[CREATE.work].gateways_share,
        "event handlers in batches": flowed[1].ratio,
        "events that a client reads from the feed": feed_rate,
    }
    return (
        "\n\n".join([work, added_text, import_text, f"{points_text} {killed_text}", flow, feed_text]),
        figures,
        memory,
    )


async def becoming_points(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """Measure the delay from purchase to points, and the highest rate."""
    seen = await purchase_to_points(stand, shop, RATE, stand.sizes.points_seconds)
    await stand.drained()
    text = (
        f"From purchase to points, at {RATE} purchases per second: p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms "
        f"({len(seen.milliseconds)} samples)."
    )
    say(text)
    best = await highest_rate(stand, shop)
    reached = f"{best} per second" if best else "none"
    text += f" The highest rate with a p99 under 250 ms, in steps of 100: {reached}."
    name = f"purchase to points at {RATE}/s"
    return text, {f"{name}, p50": seen.p50, f"{name}, p99": seen.p99}


async def across_a_kill(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """Measure the same delay while loyalty is killed halfway."""
    seen = await purchase_to_points(
        stand, shop, RATE, stand.sizes.points_seconds, lambda: stand.send("loyalty", signal.SIGKILL)
    )
    await stand.drained()
    text = (
        f"With loyalty killed by SIGKILL halfway through {stand.sizes.points_seconds:.0f} s at {RATE} per second: "
        f"p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms."
    )
    say(text)
    return text, {"purchase to points while loyalty is killed, p99": seen.p99}


def memory_table(before: Memory, after: Memory) -> str:
    """Return a table of the memory of each process."""
    rows = [[name, f"{before[name]:.0f}", f"{after[name]:.0f}"] for name in processes.MEMBERS]
    rows.append(["**the five processes**", *(f"**{sum(at[name] for name in OURS):.0f}**" for at in (before, after))])
    return report.table(["process, PSS in MiB", "before", "after"], rows)


if __name__ == "__main__":
    main()
