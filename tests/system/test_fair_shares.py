"""Fair shares: a tenant attacks with all that it has, and another tenant's requests and points arrive nearly as before.

The bounds are wide, because the machine is small and the readings short: what they catch is a tenant that is shut out,
or waits ten times as long. `make fairness` measures each attack for longer, with strict bounds.
"""

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.attacks.catalogue import ATTACKS
from tests.attacks.probe import Probe, Reading
from tests.attacks.trial import Outcome, attempt
from tests.support.memory import CAN_BE_READ
from tests.support.stack import RunningStack, a_visitor

pytestmark = [
    pytest.mark.skipif(not CAN_BE_READ, reason="the kernel does not tell here what a process holds"),
    pytest.mark.slow,
    pytest.mark.alone,
]

SECONDS = 8
SIZE = 0.25
"""Of the data that an attack prepares. Its connections and clients are as many as ever."""
RATIO, REQUESTS_MS, POINTS_MS = 5, 250, 1_500
"""A p99 may be this many times the quiet one, or as long as this, whichever is more."""
GROWTH_MIB = 64
DESCRIPTORS = 1_500
"""What the gateway may open: in a container it is often as few, and the attack by unfinished heads opens more."""
IN_EVERY_RUN = ("slow-bodies", "overflows", "cash-customer", "verifications")
"""One that keeps connections, one that sends too much, one of events, and one of expensive reads."""


@dataclass(frozen=True)
class Town:
    """A stack, and a quiet tenant in it."""

    stack: RunningStack
    probe: Probe
    quiet: Reading


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    stack = RunningStack(tmp_path_factory.mktemp("fair-shares"))
    with descriptors(DESCRIPTORS):
        stack.start()
    visitor = a_visitor(stack)
    try:
        async with Probe(stack, visitor) as probe:
            await probe.read(3)  # the first requests of a process take longer
            yield Town(stack, probe, await probe.read(SECONDS))
    finally:
        await visitor.close()
        stack.stop()


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """Let processes that start in this block open only this many files and connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


CHOSEN = [pytest.param(name, marks=[] if name in IN_EVERY_RUN else [pytest.mark.nightly]) for name in ATTACKS]


@pytest.mark.parametrize("name", CHOSEN)
async def test_an_attack_neither_delays_another_tenant_nor_fills_the_memory(town: Town, name: str) -> None:
    outcome = await attempt(name, town.stack, town.probe, SECONDS, size=SIZE, quiet=town.quiet)
    print(f"{name}: requests {outcome.quiet_requests:.0f} -> {outcome.during.requests.p99:.0f} ms, {outcome.growth}")
    broken = "; ".join(harms(outcome))
    assert not broken, f"{broken}; the attacker's outcomes: {dict(outcome.attacker)}"


def harms(outcome: Outcome) -> Iterator[str]:
    """Yield each bound that an attack broke."""
    requests, points = outcome.during.requests.p99, outcome.during.points.p99 if outcome.during.points.values else 0.0
    if outcome.during.refused:
        yield f"the quiet tenant was refused {dict(outcome.during.refused)}"
    if requests > max(RATIO * outcome.quiet_requests, REQUESTS_MS):
        yield f"its requests took {requests:.0f} ms, most of all {outcome.during.slowest}"
    if points > max(RATIO * outcome.quiet_points, POINTS_MS):
        yield f"its points took {points:.0f} ms"
    if outcome.settled_seconds == float("inf"):
        yield "the attacker's events are not applied within a minute"
    if outcome.grown[0] > GROWTH_MIB:
        yield f"{outcome.grown[1]} grew by {outcome.grown[0]:.0f} MiB"
