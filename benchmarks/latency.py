"""Delay from a purchase to its points, at a steady rate."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from uuid import UUID, uuid4

import asyncpg

from benchmarks.load import Connections
from benchmarks.shop import Shop
from benchmarks.stand import Stand, say

RATE, SAMPLES_A_SECOND = 300, 20
POLL_SECONDS, LONGEST_SECONDS = 0.003, 120
CONNECTIONS = 24
STEP, P99_MILLISECONDS = 100, 250


@dataclass(frozen=True)
class Seen:
    """Times until points were visible, in ascending milliseconds, and the purchases accepted per second."""

    milliseconds: list[float]
    rate: float

    @property
    def p50(self) -> float:
        """Return the median."""
        return median(self.milliseconds)

    @property
    def p99(self) -> float:
        """Return the 99th percentile."""
        return self.milliseconds[int(0.99 * len(self.milliseconds))]


class Arrivals:
    """Detects committed points by a single query to loyalty's database for all samples.

    At 300 purchases per second, a query through the gateway for each sample cost more than the purchases.
    """

    def __init__(self, stand: Stand) -> None:
        self._database = stand.database("loyalty")
        self._tenant = stand.tenant.id
        self._awaited: dict[UUID, asyncio.Future[float]] = {}

    async def __aenter__(self) -> "Arrivals":
        self._connection = await asyncpg.connect(self._database)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._connection.close()

    async def of(self, customer: UUID) -> float:
        """Return the time when the customer's points became visible. Raises TimeoutError."""
        self._awaited[customer] = seen = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(LONGEST_SECONDS):
            return float(await seen)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._awaited:
                rows = await self._connection.fetch(_CREDITED_CUSTOMERS, self._tenant, list(self._awaited))
                now = time.perf_counter()
                for row in rows:
                    self._awaited.pop(row["customer_id"]).set_result(now)


async def purchase_to_points(
    stand: Stand, shop: Shop, rate: int, seconds: float, midway: Callable[[], None] | None = None
) -> Seen:
    """Return the times from a purchase's response until its points are visible, for 20 purchases per second.

    The database is polled every 3 ms, so a time can be up to 3 ms too long.
    """
    connections = await Connections.to(shop.target, CONNECTIONS)
    started = time.perf_counter()
    tasks = []
    purchases = int(rate * seconds)
    async with Arrivals(stand) as arrivals:
        for number in range(purchases):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            if midway is not None and number == purchases // 2:
                midway()
            sampled = number % (rate // SAMPLES_A_SECOND) == 0
            tasks.append(asyncio.create_task(_buy(shop, connections, arrivals if sampled else None)))
        timings = await asyncio.gather(*tasks)
    connections.close()
    last = max(accepted for accepted, _ in timings)
    return Seen(sorted(1000 * waited for _, waited in timings if waited is not None), purchases / (last - started))


async def highest_rate(stand: Stand, shop: Shop) -> int:
    """Return the highest number of purchases per second, in steps of 100, with a p99 under 250 ms."""
    best = 0
    for rate in itertools.count(STEP, STEP):
        for _ in ("first attempt", "retry after a hiccup"):
            seen = await purchase_to_points(stand, shop, rate, stand.sizes.step_seconds)
            say(f"{rate} purchases per second: {seen.rate:.0f} accepted, p99 {seen.p99:.0f} ms")
            await stand.drained()
            if seen.p99 < P99_MILLISECONDS and seen.rate > 0.95 * rate:
                break
        else:
            return best
        best = rate
    raise AssertionError("unreachable")


async def _buy(shop: Shop, connections: Connections, arrivals: Arrivals | None) -> tuple[float, float | None]:
    """Send a purchase; return when it was accepted and, for a sample, the seconds until its points were visible."""
    customer = uuid4()
    status, body = await connections.send(next(shop.purchases(customer)))
    if status != 201:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    accepted = time.perf_counter()
    return accepted, None if arrivals is None else max(0.0, await arrivals.of(customer) - accepted)


_CREDITED_CUSTOMERS = (
    "select distinct customer_id from membership where tenant_id = $1 and customer_id = any($2) and exists ("
    "select from points_entry where points_entry.tenant_id = membership.tenant_id "
    "and points_entry.membership_id = membership.id)"
)
