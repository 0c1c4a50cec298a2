"""How long a purchase takes to become points, at a steady rate."""

import asyncio
import time
from uuid import uuid4

from benchmarks.load import exchange
from benchmarks.shop import Shop

RATE, SECONDS, SAMPLE_EVERY = 300, 10, 15
POLL_SECONDS = 0.003
CONNECTIONS = 24


async def purchase_to_points(shop: Shop) -> list[float]:
    """Seconds from a purchase's answer until its points can be read, of one purchase in fifteen.

    They are seen by asking again every three milliseconds, so that a figure is up to that much and a request too long.
    """
    target = shop.target
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection(target.host, target.port))
    found: list[float] = []

    async def send(request: bytes) -> tuple[int, bytes]:
        connection = await free.get()
        try:
            return await exchange(*connection, request)
        finally:
            free.put_nowait(connection)

    async def buy(number: int) -> None:
        customer = uuid4()
        status, body = await send(next(shop.purchases(customer)))
        if status != 201:
            raise RuntimeError(f"{status}: {body[:300]!r}")
        if number % SAMPLE_EVERY:
            return
        accepted, request = time.perf_counter(), shop.memberships_of(customer)
        while True:
            _, body = await send(request)
            if b'"items":[]' not in body:
                break
            await asyncio.sleep(POLL_SECONDS)
        found.append(time.perf_counter() - accepted)

    started = time.perf_counter()
    tasks = []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(buy(number)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait()[1].close()
    return found
