"""How long a purchase takes to become points, at a steady rate."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

from benchmarks.load import Target, exchange
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say

RATE, SAMPLES_A_SECOND = 300, 20
POLL_SECONDS, POLL_SHARE = 0.003, 0.02
CONNECTIONS = 24
STEP, P99_MILLISECONDS = 100, 250


@dataclass(frozen=True)
class Seen:
    """The times until points were seen, in milliseconds and ordered, and the purchases accepted a second."""

    milliseconds: list[float]
    rate: float

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.milliseconds)

    @property
    def p99(self) -> float:
        """What one in a hundred takes, or more."""
        return self.milliseconds[int(0.99 * len(self.milliseconds))]


class Connections:
    """Some connections that requests take by turns."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self, target: Target) -> None:
        """Opens them."""
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection(target.host, target.port))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """A request over the first one that is free: the status and the body."""
        connection = await self._free.get()
        try:
            return await exchange(*connection, request)
        finally:
            self._free.put_nowait(connection)

    def close(self) -> None:
        """Closes them."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()


async def purchase_to_points(shop: Shop, rate: int, seconds: float, midway: Callable[[], None] | None = None) -> Seen:
    """The times from a purchase's answer until its points can be read, of twenty purchases a second.

    They are seen by asking again every three milliseconds, or when a fiftieth of the time so far has passed, so that a
    figure is up to that much and a request too long.
    """
    connections = Connections()
    await connections.open(shop.target)
    started = time.perf_counter()
    tasks = []
    purchases = int(rate * seconds)
    for number in range(purchases):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        if midway is not None and number == purchases // 2:
            midway()
        sampled = number % (rate // SAMPLES_A_SECOND) == 0
        tasks.append(asyncio.create_task(_buy(shop, connections, sampled)))
    found = await asyncio.gather(*tasks)
    connections.close()
    last = max(accepted for accepted, _ in found)
    return Seen(sorted(1000 * waited for _, waited in found if waited is not None), purchases / (last - started))


async def highest_rate(stand: Stand, shop: Shop) -> int:
    """Purchases a second, in steps of a hundred, at which the p99 stays under a quarter of a second."""
    best = 0
    for rate in itertools.count(STEP, STEP):
        for _ in ("a hiccup is forgiven once", "this counts"):
            seen = await purchase_to_points(shop, rate, stand.sizes.step_seconds)
            say(f"{rate} purchases a second: {seen.rate:.0f} accepted, p99 {seen.p99:.0f} ms")
            await stand.drained()
            if seen.p99 < P99_MILLISECONDS and seen.rate > 0.95 * rate:
                break
        else:
            return best
        best = rate
    raise AssertionError("unreachable")


async def _buy(shop: Shop, connections: Connections, sampled: bool) -> tuple[float, float | None]:
    """When a purchase was accepted, and the seconds until its points were there, when it is a sample."""
    customer = uuid4()
    status, body = await connections.send(next(shop.purchases(customer)))
    if status != 201:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    accepted, request = time.perf_counter(), shop.memberships_of(customer)
    while sampled:
        status, body = await connections.send(request)
        waited = time.perf_counter() - accepted
        if status == 200 and b'"items":[]' not in body:
            return accepted, waited
        await asyncio.sleep(max(POLL_SECONDS, POLL_SHARE * waited))
    return accepted, None
