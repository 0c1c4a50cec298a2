"""The worker's loops: relay, consumer, chores and housekeeping, each begun again after a fault."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import asyncpg

from chassis import chores
from chassis.consumer import Consumer
from chassis.feature import Chore
from chassis.relay import Relay
from chassis.settings import Settings
from chassis.tables import SCHEMA
from chassis.telemetry import log

HOUSEKEEPING_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 10.0
_CHUNK = 5_000


class Worker:
    """What a service does beside answering."""

    def __init__(
        self, settings: Settings, pool: asyncpg.Pool, relay: Relay, consumer: Consumer, to_do: Iterable[Chore]
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._to_do = list(to_do)
        self.relay = relay
        self.consumer = consumer
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins the loops."""
        loops = {
            "relay": self.relay.run,
            "consumer": self.consumer.run,
            "chores": self._do_chores,
            "housekeeping": self._keep_house,
        }
        self._tasks = [asyncio.create_task(_for_ever(name, run), name=name) for name, run in loops.items()]

    async def stop(self) -> None:
        """Ends them: what is half done is rolled back and will be done again."""
        running = set(self._tasks)
        while running:  # a library may forget that it was cancelled: it is told again
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=2)

    async def _do_chores(self) -> None:
        await chores.do_for_ever(self._pool, self._to_do)

    async def _keep_house(self) -> None:
        """Forgets old answers and old inbox rows, a few thousand at a time."""
        while True:
            await self._forget("idempotency", "created_at", self._settings.idempotency_hours)
            await self._forget("inbox", "applied_at", self._settings.inbox_days * 24)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _forget(self, table: str, column: str, hours: int) -> None:
        tag = f"DELETE {_CHUNK}"
        while tag == f"DELETE {_CHUNK}":
            tag = await self._pool.execute(
                f"delete from {SCHEMA}.{table} where ctid = any(array(select ctid from {SCHEMA}.{table} "
                f"where {column} < now() - make_interval(hours => $1) limit {_CHUNK}))",
                hours,
            )


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    pause = 0.2
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await run()
        except Exception as error:
            log.warning(f"{name} begins again", error=repr(error))
        if asyncio.get_running_loop().time() - started > 60:
            pause = 0.2
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
