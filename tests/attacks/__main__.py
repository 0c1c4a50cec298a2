"""Print what each attack does to a quiet tenant: `python -m tests.attacks [NAME ...]`.

Without names, the table is also written to docs/benchmarks.md.
Each attack has a new stack. A request that the quiet tenant is refused counts, and so do points that do not arrive.
"""

import argparse
import asyncio
import tempfile
import traceback
from pathlib import Path

from benchmarks import report
from tests.attacks.catalogue import ATTACKS
from tests.attacks.probe import Probe
from tests.attacks.trial import Outcome, attempt
from tests.support.stack import RunningStack, a_visitor

MAX_RATIO, MAX_GROWTH = 1.5, 64
HEAD = [
    "attack",
    "requests, p99 ms quiet",
    "during",
    "ratio",
    "purchase to points, p99 ms quiet",
    "during",
    "ratio",
    "refused",
    "largest growth, MiB",
    "holds",
]


def main() -> None:
    """Measure the chosen attacks, print their table, and exit with 1 if a tenant or a process was harmed."""
    options = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(ATTACKS)}")
    options.add_argument("--seconds", type=float, default=40, help="how long a reading takes: 30 samples a second")
    options.add_argument("--size", type=float, default=1, help="a share of the attack's data and connections")
    chosen = options.parse_args()
    unknown = set(chosen.names) - set(ATTACKS)
    if unknown:
        options.error(f"unknown: {', '.join(sorted(unknown))}")
    rows, harmed = [], False
    for name in chosen.names or ATTACKS:
        try:
            outcome = asyncio.run(measured(name, chosen.seconds, chosen.size))
        except Exception:
            traceback.print_exc()
            rows.append([name, *["-"] * (len(HEAD) - 2), "failed"])
            harmed = True
            continue
        harmed = harmed or not holds(outcome)
        rows.append(row(outcome))
        print(details(outcome), flush=True)
    text = f"Measured {report.machine()}, {chosen.seconds:.0f} s per reading.\n\n{report.table(HEAD, rows)}"
    print(f"\n{text}")
    if not chosen.names:
        report.write("make fairness", text)
    raise SystemExit(int(harmed))


async def measured(name: str, seconds: float, size: float) -> Outcome:
    """Measure an attack on a new stack."""
    with tempfile.TemporaryDirectory(prefix="rapport-attacks-") as folder:
        stack = RunningStack(Path(folder))
        try:
            stack.start()
            quiet = a_visitor(stack)
            async with Probe(stack, quiet) as probe:
                await probe.read(5)  # the first requests of a process take longer
                outcome = await attempt(name, stack, probe, seconds, size=size)
            await quiet.close()
            return outcome
        finally:
            stack.stop()


def holds(outcome: Outcome) -> bool:
    """Return whether neither the tenant nor a process was harmed."""
    is_late = max(outcome.requests, outcome.points) > MAX_RATIO or outcome.settled_seconds == float("inf")
    return not is_late and not outcome.during.refused and outcome.grown[0] <= MAX_GROWTH


def row(outcome: Outcome) -> list[str]:
    """Return the line of the table."""
    grown, process = outcome.grown
    points = outcome.during.points
    return [
        outcome.name,
        f"{outcome.quiet_requests:.0f}",
        f"{outcome.during.requests.p99:.0f}",
        f"{outcome.requests:.2f}",
        f"{outcome.quiet_points:.0f}",
        f"{points.p99:.0f}" if points.values else "none",
        f"{outcome.points:.2f}",
        str(outcome.during.refused.total()),
        f"{grown:.0f} ({process})",
        "yes" if holds(outcome) else "no",
    ]


def details(outcome: Outcome) -> str:
    """Return what the table leaves out."""
    p50 = max(one.requests.p50 for one in outcome.quiet)
    kinds = ", ".join(
        f"{kind} {max(one.kinds[kind].p99 for one in outcome.quiet):.0f} -> {delays.p99:.0f}"
        for kind, delays in outcome.during.kinds.items()
    )
    memory = ", ".join(f"{name} {grown:+.0f}" for name, grown in outcome.growth.items())
    requests, points = len(outcome.during.requests.values), len(outcome.during.points.values)
    return "\n".join(
        [
            f"\n{outcome.name}: {requests} requests and {points} purchases with points measured",
            f"  p50 of requests {p50:.1f} -> {outcome.during.requests.p50:.1f} ms",
            f"  p99 by kind, ms: {kinds}",
            f"  refused to the quiet tenant: {dict(outcome.during.refused) or 'nothing'}",
            f"  growth, MiB: {memory}",
            f"  the attacker's outcomes: {dict(outcome.attacker.most_common())}",
            f"  all events applied {outcome.settled_seconds:.1f} s after the attack",
        ]
    )


if __name__ == "__main__":
    main()
