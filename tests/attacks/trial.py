"""A trial: a quiet reading, the same reading during an attack, and another quiet reading after it."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import add

from tests.attacks.catalogue import ATTACKS
from tests.attacks.generator import Generator
from tests.attacks.growth import Growth
from tests.attacks.probe import Probe, Reading
from tests.support.stack import RunningStack, Visitor, a_visitor

SETTLING_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """What an attack did to the quiet tenant and to the processes."""

    name: str
    quiet: list[Reading]
    during: Reading
    growth: dict[str, float]
    """MiB per process."""
    attacker: Counter[str]
    """The attacker's outcomes: statuses and errors."""
    settled_seconds: float
    """From the end of the attack until all events were applied; infinite if that takes too long."""

    @property
    def quiet_requests(self) -> float:
        """Return the larger p99 of the quiet readings, of requests, in ms."""
        return max(reading.requests.p99 for reading in self.quiet)

    @property
    def quiet_points(self) -> float:
        """Return the larger p99 of the quiet readings, from purchase to points, in ms."""
        return max(reading.points.p99 for reading in self.quiet)

    @property
    def requests(self) -> float:
        """Return the p99 of requests during the attack, divided by the quiet one."""
        return self.during.requests.p99 / self.quiet_requests

    @property
    def points(self) -> float:
        """Return the p99 from purchase to points during the attack, divided by the quiet one."""
        return self.during.points.p99 / self.quiet_points if self.during.points.values else float("inf")

    @property
    def grown(self) -> tuple[float, str]:
        """Return the largest growth in MiB, and its process."""
        return max((grown, name) for name, grown in self.growth.items())


async def attempt(
    name: str, stack: RunningStack, probe: Probe, seconds: float, *, size: float = 1, quiet: Reading | None = None
) -> Outcome:
    """Measure an attack of a new tenant. With a quiet reading given, measure no other."""
    attacker = a_visitor(stack)
    generators = [Generator(name, stack, attacker, size) for _ in range(ATTACKS[name].processes)]
    try:
        for generator in generators:
            await generator.prepared()
        before = quiet or await probe.read(seconds)
        growth = Growth(stack)
        watching = asyncio.create_task(growth.watch())
        for generator in generators:
            await generator.begin()
        await asyncio.sleep(ATTACKS[name].seconds_to_build_up)
        during = await probe.read(seconds)
        outcomes = [await generator.end() for generator in generators]
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        by_process = growth.by_process()
        settled = await _settle(attacker)
        settled_in_time = settled < SETTLING_SECONDS
        readings = [before, await probe.read(seconds)] if settled_in_time and not quiet else [before]
        return Outcome(name, readings, during, by_process, reduce(add, outcomes), settled)
    finally:
        for generator in generators:
            generator.close()
        await attacker.close()


async def _settle(visitor: Visitor) -> float:
    ended = time.monotonic()
    try:
        await visitor.drained(SETTLING_SECONDS)
    except AssertionError:
        return float("inf")
    return time.monotonic() - ended
