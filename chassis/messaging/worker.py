"""The worker: relay, consumer, periodic tasks, purging, and loops of features, each started again after an error."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import asyncpg

from chassis.core.retry import Backoff
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.db.tables import SCHEMA
from chassis.feature import LoopContext, RunLoop
from chassis.messaging.consumer import Consumer
from chassis.messaging.files import FileSweeper
from chassis.messaging.jobs import JobRunner
from chassis.messaging.periodic import PeriodicTasks
from chassis.messaging.relay import Relay

PURGE_INTERVAL_SECONDS = 600.0
PURGE_BATCH_SIZE = 5_000
HEALTHY_AFTER_SECONDS = 60.0
"""A loop that ran this long before it failed starts again without a longer pause."""
_BACKOFF = Backoff(0.2, 10.0)


class Worker:
    """The loops of a service, beside its API."""

    def __init__(
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        relay: Relay,
        consumer: Consumer,
        tasks: PeriodicTasks,
        loops: Iterable[RunLoop] = (),
        jobs: JobRunner | None = None,
        sweeper: FileSweeper | None = None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._periodic_tasks = tasks
        self._feature_loops = list(loops)
        self._jobs = jobs
        self._sweeper = sweeper
        self.relay = relay
        self.consumer = consumer
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the loops."""
        context = LoopContext(self._settings, self._pool, self.relay.notify)
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "relay": self.relay.run,
            "consumer": self.consumer.run,
            "periodic tasks": self._periodic_tasks.run,
            "changed tenants": self._periodic_tasks.follow_tenants,
            "purge": self._purge_loop,
            **{run.__name__.replace("_", " "): partial(run, context) for run in self._feature_loops},
        }
        if self._jobs is not None:
            loops["jobs"] = self._jobs.run
        if self._sweeper is not None:
            loops["files"] = self._sweeper.run
        self._running = {asyncio.create_task(_supervise(name, run), name=name) for name, run in loops.items()}

    async def stop(self) -> None:
        """Stop the loops. Unfinished transactions are rolled back and will run again."""
        running = self._running
        while running:  # a library may lose a cancellation, so it is repeated
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=2)

    async def _purge_loop(self) -> None:
        while True:
            await self._purge_expired("idempotency", "created_at", self._settings.idempotency_hours)
            await self._purge_expired("inbox", "applied_at", self._settings.inbox_days * 24)
            if self._settings.archive_days is not None:
                await self._purge_expired("published_event", "time", self._settings.archive_days * 24)
            await asyncio.sleep(PURGE_INTERVAL_SECONDS)

    async def _purge_expired(self, table: str, column: str, hours: int) -> None:
        """Delete expired rows, a batch per transaction."""
        tag = f"DELETE {PURGE_BATCH_SIZE}"
        while tag == f"DELETE {PURGE_BATCH_SIZE}":
            tag = await self._pool.execute(
                f"delete from {SCHEMA}.{table} where ctid = any(array(select ctid from {SCHEMA}.{table} "
                f"where {column} < now() - make_interval(hours => $1) limit {PURGE_BATCH_SIZE}))",
                hours,
            )


async def _supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop until cancelled, and start it again after an error."""
    failures = 0
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await run()
        except Exception as error:
            log.warning(f"{name} restarts", error=repr(error))
        healthy = asyncio.get_running_loop().time() - started > HEALTHY_AFTER_SECONDS
        failures = 1 if healthy else failures + 1
        await asyncio.sleep(_BACKOFF.pause(failures))
