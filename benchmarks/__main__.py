"""Run the benchmark: `make bench`. It starts a stack of its own, measures, prints, and writes docs/benchmarks.md."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from uuid import UUID

from benchmarks import processes, report
from benchmarks.latency import RATE, purchase_to_points
from benchmarks.load import Outcome, Target, drive
from benchmarks.report import Measured
from benchmarks.shop import CUSTOMERS, PURCHASES_A_BATCH, Shop
from benchmarks.yardsticks import Yard
from chassis.identity import HEADER, Caller, Signer, Tenant
from local.places import Place, free_port

RAPPORT = str(Path(sys.executable).with_name("rapport"))
ROUNDS, SECONDS, YARD_SECONDS, CONNECTIONS = 3, 4.0, 2, 16


@dataclass(frozen=True)
class Phase:
    """A kind of work, its yardstick and its bar (docs/benchmarks.md says where the bars come from)."""

    work: str
    service: str
    requests: Callable[[Shop], Iterator[bytes]]
    yardstick: str
    bar: float | None
    items: int = 1
    connections: int = CONNECTIONS


PHASES = [
    Phase("create a customer", "customers", Shop.creates, "pgbench insert", 0.08),
    Phase("read a customer by id", "customers", Shop.reads, "pgbench select", 0.07),
    Phase("page 1 of 50", "customers", Shop.first_pages, "pgbench select", 0.035),
    Phase("page 100 of 50", "customers", Shop.late_pages, "pgbench select", 0.035),
    Phase("look up by e-mail", "customers", Shop.looked_up_by_email, "pgbench insert", 0.15),
    Phase("look up by a name with a letter wrong", "customers", Shop.looked_up_by_name, "pgbench insert", 0.04),
    Phase("record a touch point", "interactions", Shop.touch_points, "pgbench insert", 0.08),
    Phase("record a purchase of 5 lines", "interactions", Shop.purchases, "pgbench insert", 0.05),
    Phase(
        "purchases of 5 lines by batches of 500",
        "interactions",
        Shop.purchase_batches,
        "COPY",
        0.15,
        PURCHASES_A_BATCH,
        4,
    ),
]


def main() -> None:
    """The whole run."""
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        data = Path(folder) / "data"
        with stack(data) as (place, fresh):
            before = processes.megabytes(place)
            text = asyncio.run(measure(place, Path(folder)))
            after = processes.megabytes(place)
        with stack(data) as (_, again):
            pass
    memory = [[name, f"{before[name]:.0f}", f"{after[name]:.0f}"] for name in processes.MEMBERS]
    ours = [name for name in processes.MEMBERS if name not in ("postgres", "kafka")]
    memory.append(["**the five together**", *(f"**{sum(at[name] for name in ours):.0f}**" for at in (before, after))])
    started = f"The stack answers after {fresh:.1f} s on a new folder, after {again:.1f} s on its own."
    sections = [text, report.table(["process, PSS in MiB", "before", "after"], memory), started]
    report.write("\n\n".join([f"Measured {report.machine()}.", *sections]))
    print(f"\nwritten to {report.PAGE}")


async def measure(place: Place, folder: Path) -> str:
    """Every phase between yardsticks, some rounds of all, and then what is not a ratio."""
    key, tenant = a_key(place)
    ports = json.loads((place.root / "ports.json").read_text())
    gateway = Target("127.0.0.1", ports["gateway"], f"Authorization: Bearer {key}\r\n")
    shop = Shop(gateway)
    started = time.perf_counter()
    await shop.fill()
    say(f"{CUSTOMERS:,} customers by batches: {CUSTOMERS / (time.perf_counter() - started):,.0f} a second")
    yard = Yard(url_of(place, "customers", "MIGRATION_DATABASE_URL"), folder)
    await yard.build()
    found: dict[str, list[tuple[Outcome, float, dict[str, float]]]] = {phase.work: [] for phase in PHASES}
    for round_ in range(1, ROUNDS + 1):
        for phase in PHASES:
            before = await stick(yard, place, phase.yardstick)
            with processes.cpu_of(place) as cpu:
                outcome = await drive(gateway, phase.requests(shop), SECONDS, phase.connections)
            await settled()
            rate = outcome.rate * phase.items
            ratio = rate / mean([before, await stick(yard, place, phase.yardstick)])
            found[phase.work].append((outcome, ratio, cpu))
            say(f"round {round_}: {phase.work}: {rate:,.0f}/s, {ratio:.3f} of {phase.yardstick}")
    rows = [measured(phase, found[phase.work]).row() for phase in PHASES]
    overhead = await gateway_overhead(place, shop, tenant, ports)
    seen = sorted(await purchase_to_points(shop))
    points = (
        f"A purchase becomes points, at {RATE} purchases a second: p50 {1000 * median(seen):.0f} ms, "
        f"p99 {1000 * seen[int(0.99 * len(seen))]:.0f} ms ({len(seen)} samples; the bar is 25 and 150 ms)."
    )
    say(points)
    head = "| work | rate | p50 / p99 ms | CPU a request, us: gateway / service / PostgreSQL | ratio (spread) | bar |"
    return "\n\n".join(["\n".join([head, "|---|---|---|---|---|---|", *rows]), overhead, points])


async def stick(yard: Yard, place: Place, yardstick: str) -> float:
    """What a yardstick says now, a second."""
    if yardstick == "COPY":
        return await yard.copy(url_of(place, "interactions", "MIGRATION_DATABASE_URL"), "purchase")
    return await asyncio.to_thread(yard.pgbench, yardstick.removeprefix("pgbench "), YARD_SECONDS)


async def settled() -> None:
    """Lets the events of a phase arrive, so that the next one does not pay for them."""
    await asyncio.sleep(1.5)


def measured(phase: Phase, found: list[tuple[Outcome, float, dict[str, float]]]) -> Measured:
    """A phase's rounds together."""
    requests = sum(len(outcome.latencies) for outcome, _, _ in found)
    cpu = {name: 1e6 * sum(used[name] for _, _, used in found) / requests for name in processes.MEMBERS}
    return Measured(
        phase.work,
        "rows/s" if phase.items > 1 else "/s",
        phase.yardstick,
        phase.bar,
        [outcome.rate * phase.items for outcome, _, _ in found],
        [ratio for _, ratio, _ in found],
        [outcome.quantile(0.5) for outcome, _, _ in found],
        [outcome.quantile(0.99) for outcome, _, _ in found],
        {"gateway": cpu["gateway"], "service": cpu[phase.service], "postgres": cpu["postgres"]},
    )


async def gateway_overhead(place: Place, shop: Shop, tenant: Tenant, ports: dict[str, int]) -> str:
    """A read and a write through the gateway beside the same ones at the service, one at a time, by turns."""
    signer = Signer(place.secrets()["token_private"])
    said = []
    for what, service, requests in (("read", "customers", Shop.reads), ("write", "interactions", Shop.touch_points)):
        token = signer.sign(Caller(tenant, "key:bench", frozenset({f"{service}:read", f"{service}:write"})), service)
        direct = shop.at(Target("127.0.0.1", ports[service], f"{HEADER}: {token}\r\n"))
        times: dict[str, list[float]] = {"through": [], "direct": []}
        for _ in range(ROUNDS):
            for name, one in (("through", shop), ("direct", direct)):
                times[name].append((await drive(one.target, requests(one), 2.0, 1)).quantile(0.5))
        through, straight = median(times["through"]), median(times["direct"])
        said.append(f"a {what} {through:.2f} ms instead of {straight:.2f} ms (+{through - straight:.2f})")
    text = f"Through the gateway instead of straight at the service, p50, one at a time: {'; '.join(said)}."
    say(text)
    return text


# The stack of the benchmark


@contextmanager
def stack(data: Path) -> Iterator[tuple[Place, float]]:
    """A stack on a folder, and how long it took to answer."""
    environment = {**os.environ, "RAPPORT_DATA": str(data)}
    started = time.perf_counter()
    up = subprocess.Popen(
        [RAPPORT, "up", "--port", str(free_port(set()))], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert up.stdout is not None
    if not up.stdout.readline():
        raise SystemExit("the stack did not come up")
    try:
        yield Place.at(data), time.perf_counter() - started
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=90)
        up.stdout.close()


def a_key(place: Place) -> tuple[str, Tenant]:
    """A tenant and a key to everything."""
    environment = {**os.environ, "RAPPORT_DATA": str(place.root)}

    def command(*words: str) -> str:
        done = subprocess.run([RAPPORT, *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    tenant = command("tenants", "create", "Benchmark")
    key = command("keys", "create", "--tenant", tenant, "--all-scopes")
    return key, Tenant(UUID(tenant), "Benchmark", "live", "UTC", "EUR", "NL", None)


def url_of(place: Place, service: str, name: str) -> str:
    """A setting of a service."""
    for line in place.env_file(service).read_text().splitlines():
        key, _, value = line.partition("=")
        if key == name:
            return value[1:-1]
    raise LookupError(name)


def say(text: str) -> None:
    """Tells how it goes."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
