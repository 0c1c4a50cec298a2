"""Run the benchmark: `make bench`. It starts a stack of its own, measures, prints, and writes docs/benchmarks.md."""

import argparse
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import uvloop

from benchmarks import bars, gateway, phases, processes, report, ten_times
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
    """The run that was asked for."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--large", action="store_true", help="what a request costs at ten times the data, alone")
    options.add_argument("--quick", action="store_true", help="a short run, to try the harness: nothing is written")
    chosen = options.parse_args()
    sizes = QUICK if chosen.quick else WHOLE
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        section, text = (
            ("ten times", at_ten_times(Path(folder), sizes))
            if chosen.large
            else ("make bench", everything(Path(folder), sizes))
        )
    text = f"Measured {report.machine()}.\n\n{text}"
    if chosen.quick:
        print(f"\n{text}")
    else:
        report.write(section, text)
        print(f"\nwritten to {report.PAGE}")


def at_ten_times(folder: Path, sizes: Sizes) -> str:
    """The large run."""
    with stack(folder / "data") as (place, _):
        return uvloop.run(ten_times.measure(a_stand(place, sizes)))


def everything(folder: Path, sizes: Sizes) -> str:
    """The ordinary run."""
    with stack(folder / "data") as (place, fresh):
        before = processes.megabytes(place)
        text, figures, after = uvloop.run(measure(a_stand(place, sizes), folder))
    with stack(folder / "data") as (_, again):
        pass
    figures["start on a new folder"] = fresh
    figures["memory of the five processes"] = sum(after[name] for name in OURS)
    started = f"The stack answers after {fresh:.1f} s on a new folder, after {again:.1f} s on its own."
    return "\n\n".join([text, memory_table(before, after), started, bars.verdicts(figures)])


async def measure(stand: Stand, folder: Path) -> tuple[str, dict[str, float], Memory]:
    """What was found as text, the figures that have bars, and the memory before anybody is killed."""
    shop = Shop(stand.gateway, stand.sizes.customers)
    started = time.perf_counter()
    await shop.fill()
    say(f"{shop.customers:,} customers by batches: {shop.customers / (time.perf_counter() - started):,.0f} a second")
    yard = Yard(stand.database("customers"), folder)
    await yard.build()
    found = await phases.measure(stand, shop, yard, PHASES)
    work = report.table(
        [
            "work",
            "rate",
            "p50 / p99 ms",
            f"{CPU} / load generator",
            "ratio (spread)",
        ],
        [measured.row() for measured in found.values()],
    )
    added_text, added = await gateway.overhead(stand, shop)
    await stand.drained()
    points_text, points = await becoming_points(stand, shop)
    flowed = await flows(stand, shop, yard)
    flow = report.table(["events", "rate", "beside"], [one.row() for one in flowed])
    memory = processes.megabytes(stand.place)
    killed_text, killed = await across_a_kill(stand, shop)
    figures = {name: measured.ratio for name, measured in found.items()} | points | killed
    figures |= {
        "page 1's rate by page 100's": found[FIRST_PAGE.work].by(found[LATE_PAGE.work]),
        "what the gateway adds to a read, p50": added["read"],
        "what the gateway adds to a write, p50": added["write"],
        "the gateway's share of a read's CPU": found[READ.work].gateways_share,
        "the gateway's share of a write's CPU": found[CREATE.work].gateways_share,
        "reactions by batch": flowed[1].ratio,
    }
    return "\n\n".join([work, added_text, f"{points_text} {killed_text}", flow]), figures, memory


async def becoming_points(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """How soon, and at which rates."""
    seen = await purchase_to_points(stand, shop, RATE, stand.sizes.points_seconds)
    await stand.drained()
    text = (
        f"A purchase becomes points, at {RATE} purchases a second: p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms "
        f"({len(seen.milliseconds)} samples)."
    )
    say(text)
    best = await highest_rate(stand, shop)
    reached = f"{best} a second" if best else "none"
    text += f" The highest rate at which the p99 stays under 250 ms, in steps of 100: {reached}."
    name = f"a purchase becomes points at {RATE}/s"
    return text, {f"{name}, p50": seen.p50, f"{name}, p99": seen.p99}


async def across_a_kill(stand: Stand, shop: Shop) -> tuple[str, dict[str, float]]:
    """The same with loyalty killed in the middle."""
    seen = await purchase_to_points(
        stand, shop, RATE, stand.sizes.points_seconds, lambda: stand.send("loyalty", signal.SIGKILL)
    )
    await stand.drained()
    text = (
        f"While loyalty is killed by SIGKILL in the middle of {stand.sizes.points_seconds:.0f} s at {RATE} a second: "
        f"p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms."
    )
    say(text)
    return text, {"the same while loyalty is killed, p99": seen.p99}


def memory_table(before: Memory, after: Memory) -> str:
    """What each process holds."""
    rows = [[name, f"{before[name]:.0f}", f"{after[name]:.0f}"] for name in processes.MEMBERS]
    rows.append(["**the five together**", *(f"**{sum(at[name] for name in OURS):.0f}**" for at in (before, after))])
    return report.table(["process, PSS in MiB", "before", "after"], rows)


if __name__ == "__main__":
    main()
