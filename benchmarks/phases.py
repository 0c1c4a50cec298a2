"""Kinds of work, each measured several times between two readings of its yardstick."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks import processes
from benchmarks.load import Outcome, drive
from benchmarks.shop import PURCHASES_A_BATCH, Shop
from benchmarks.stand import Stand, say
from benchmarks.yardsticks import Yard

CONNECTIONS = 16
CPU = "CPU per request, us: gateway / service / PostgreSQL"


@dataclass(frozen=True)
class Phase:
    """A kind of work and its yardstick."""

    work: str
    service: str
    requests: Callable[[Shop], Iterator[bytes]]
    yardstick: str
    items: int = 1
    connections: int = CONNECTIONS


CREATE = Phase("create a customer", "customers", Shop.creates, "pgbench insert")
READ = Phase("read a customer by id", "customers", Shop.reads, "pgbench select")
FIRST_PAGE = Phase("page 1, 50 items", "customers", Shop.first_pages, "pgbench select")
LATE_PAGE = Phase("page 100, 50 items", "customers", Shop.late_pages, "pgbench select")
BY_EMAIL = Phase("look up by e-mail", "customers", Shop.looked_up_by_email, "pgbench insert")
BY_NAME = Phase("search by a name with a wrong letter", "customers", Shop.looked_up_by_name, "pgbench insert")
PHASES = [
    CREATE,
    READ,
    FIRST_PAGE,
    LATE_PAGE,
    BY_EMAIL,
    BY_NAME,
    Phase("record a touch point", "interactions", Shop.touch_points, "pgbench insert"),
    Phase("record a purchase of 5 lines", "interactions", Shop.purchases, "pgbench insert"),
    Phase(
        "purchases of 5 lines in batches of 500", "interactions", Shop.purchase_batches, "COPY", PURCHASES_A_BATCH, 4
    ),
]


@dataclass
class Measured:
    """A kind of work and its measurements."""

    phase: Phase
    outcomes: list[Outcome] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return the number of items per second."""
        return median(outcome.rate * self.phase.items for outcome in self.outcomes)

    @property
    def ratio(self) -> float:
        """Return the median ratio to the yardstick."""
        return median(self.ratios)

    def by(self, other: "Measured") -> float:
        """Return the rate divided by the other's rate, as the median over the rounds."""
        return median(own.rate / its.rate for own, its in zip(self.outcomes, other.outcomes, strict=True))

    def microseconds(self) -> tuple[float, float, float]:
        """Return the CPU per request of the gateway, the service and PostgreSQL, including the cost of its events."""
        requests = sum(len(outcome.latencies) for outcome in self.outcomes)
        gateway, service, postgres = (
            1e6 * sum(used[name] for used in self.cpu) / requests
            for name in ("gateway", self.phase.service, "postgres")
        )
        return gateway, service, postgres

    @property
    def generators_microseconds(self) -> float:
        """Return the CPU per request of the load generator."""
        requests = sum(len(outcome.latencies) for outcome in self.outcomes)
        return 1e6 * sum(outcome.cpu_seconds for outcome in self.outcomes) / requests

    @property
    def gateways_share(self) -> float:
        """Return the gateway's share of the CPU of a request, in percent."""
        gateway, *others = self.microseconds()
        return 100 * gateway / (gateway + sum(others))

    def row(self) -> list[str]:
        """Return a row of the table."""
        p50, p99 = (median(outcome.quantile(share) for outcome in self.outcomes) for share in (0.5, 0.99))
        return [
            self.phase.work,
            f"{self.rate:,.0f} {'rows/s' if self.phase.items > 1 else '/s'}",
            f"{p50:.1f} / {p99:.1f}",
            " / ".join(f"{used:,.0f}" for used in (*self.microseconds(), self.generators_microseconds)),
            f"{self.ratio:.3f} ({min(self.ratios):.3f} to {max(self.ratios):.3f}) of {self.phase.yardstick}",
        ]


async def measure(stand: Stand, shop: Shop, yard: Yard, phases: Iterable[Phase]) -> dict[str, Measured]:
    """Measure all kinds of work, round after round."""
    results = {phase.work: Measured(phase) for phase in phases}
    for round_ in range(1, stand.sizes.rounds + 1):
        for measured in results.values():
            phase = measured.phase
            before = await _read(yard, stand, phase.yardstick)
            await once(stand, shop, measured)
            rate = measured.outcomes[-1].rate * phase.items
            measured.ratios.append(rate / mean([before, await _read(yard, stand, phase.yardstick)]))
            say(f"round {round_}: {phase.work}: {rate:,.0f}/s, {measured.ratios[-1]:.3f} of {phase.yardstick}")
    return results


async def once(stand: Stand, shop: Shop, measured: Measured) -> None:
    """Measure a kind of work for some seconds."""
    phase = measured.phase
    with processes.cpu_of(stand.data_dir) as cpu:
        outcome = await drive(stand.gateway, phase.requests(shop), stand.sizes.seconds, phase.connections)
    measured.outcomes.append(outcome)
    measured.cpu.append(cpu)
    await asyncio.sleep(stand.sizes.settling_seconds)


async def _read(yard: Yard, stand: Stand, yardstick: str) -> float:
    """Return a reading of a yardstick, per second."""
    if yardstick == "COPY":
        return await yard.copy(stand.database("interactions"), "purchase")
    return await asyncio.to_thread(yard.pgbench, yardstick.removeprefix("pgbench "), stand.sizes.yardstick_seconds)
