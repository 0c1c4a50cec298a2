"""The load: several tenants with several clients each, and the audit at its end."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.auditor.audit import audit, audit_topics
from tests.auditor.books import Books
from tests.auditor.clients import CUSTOMERS, Client
from tests.support.facts import a_program, a_rule
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack, Visitor, a_visitor

SEED = os.environ.get("RAPPORT_SEED") or str(random.SystemRandom().randrange(10**6))


@dataclass
class Load:
    """The running clients, and the writes that were acknowledged to them."""

    visitors: list[Visitor]
    books: list[Books]
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """Return the number of acknowledged writes of all tenants."""
        return sum(one.acknowledged for one in self.books)

    async def further(self, writes: int, within: float = PATIENCE_SECONDS) -> None:
        """Wait until this number of further writes is acknowledged."""
        goal, deadline = self.acknowledged + writes, time.monotonic() + within
        while self.acknowledged < goal:
            for worker in self.workers:
                if worker.done():
                    worker.result()
            assert time.monotonic() < deadline, f"{goal - self.acknowledged} writes of {writes} are missing"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_load(
    stack: RunningStack,
    name: str,
    *,
    tenants: int = 2,
    clients: int = 3,
    letters: int = 0,
    recover: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Load]:
    """Run a load during the block. Then wait until all events have arrived, and audit.

    `letters` is the expected number of dead letters in each service. `recover` repairs a loss before the audit. Kafka
    then contains no longer each event exactly once.
    """
    print(f"RAPPORT_SEED={SEED}: {name}")
    rng = random.Random(f"{SEED} {name}")
    load = Load([a_visitor(stack) for _ in range(tenants)], [Books() for _ in range(tenants)])
    ended = asyncio.Event()
    for visitor, books in zip(load.visitors, load.books, strict=True):
        await _open_shop(visitor)
        crew = [Client(visitor, books, random.Random(rng.getrandbits(64))) for _ in range(clients)]
        await crew[0].record_customers(CUSTOMERS)
        load.workers += [asyncio.create_task(client.work(ended)) for client in crew]
    try:
        await load.further(50)
        yield load
        ended.set()
        await asyncio.gather(*load.workers)
        if recover is not None:
            await recover()
        for visitor, books in zip(load.visitors, load.books, strict=True):
            await visitor.drained(150)
            assert {one["dead_letters"] for one in (await stack.status()).values()} == {letters}
            await audit(stack, visitor, books)
        if recover is None:
            await audit_topics(stack, load.books)
        assert stack.command("rebuild", "analytics", "--check") == ""
    finally:
        for worker in load.workers:
            worker.cancel()
        await asyncio.gather(*load.workers, return_exceptions=True)
        for visitor in load.visitors:
            await visitor.close()


async def _open_shop(visitor: Visitor) -> None:
    program = (await visitor.request_until_answered("POST", "/v1/programs", json=a_program())).json()
    await visitor.request_until_answered("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
