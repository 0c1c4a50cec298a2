"""How long a purchase takes to become points, at a steady rate."""

import asyncio
import time
from uuid import uuid4

from benchmarks.load import Target, exchange
from benchmarks.shop import Shop

RATE, SECONDS, SAMPLE_EVERY = 300, 10, 15
POLL_SECONDS = 0.003
CONNECTIONS = 24


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


async def purchase_to_points(shop: Shop) -> list[float]:
    """Seconds from a purchase's answer until its points can be read, of one purchase in fifteen.

    They are seen by asking again every three milliseconds, so that a figure is up to that much and a request too long.
    """
    connections = Connections()
    await connections.open(shop.target)
    started = time.perf_counter()
    tasks = []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(_buy(shop, connections, number % SAMPLE_EVERY == 0)))
    found = await asyncio.gather(*tasks)
    connections.close()
    return [seconds for seconds in found if seconds is not None]


async def _buy(shop: Shop, connections: Connections, sampled: bool) -> float | None:
    customer = uuid4()
    status, body = await connections.send(next(shop.purchases(customer)))
    if status != 201:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    accepted, request = time.perf_counter(), shop.memberships_of(customer)
    while sampled:
        _, body = await connections.send(request)
        if b'"items":[]' not in body:
            return time.perf_counter() - accepted
        await asyncio.sleep(POLL_SECONDS)
    return None
