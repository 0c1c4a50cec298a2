"""The runner of jobs, in each worker: it takes the next chunk of a job of each tenant in turn.

A chunk is a transaction that locks its job, so that no other worker works on it at the same time. It commits what the
chunk wrote together with the new cursor. After a crash the next chunk begins where the last commit ended.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.core.clock import clock
from chassis.core.files import FileStore
from chassis.core.identity import Caller, Tenant
from chassis.core.retry import Backoff, retry
from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.db.jobs import ACTIVE, Chunk, JobColumns, JobFailed, JobKind, JobRun
from chassis.db.statements import Query
from chassis.db.tables import SCHEMA
from chassis.db.transaction import RETRYABLE_ERRORS, RetryTransaction, Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.messaging.tenants import tenant_from_row

CONCURRENCY = 2
"""How many jobs a worker works on at a time, each of another tenant."""
IDLE_SECONDS = 1.0
"""How often a worker without a job looks for one."""
MAX_ATTEMPTS = 10
"""How often a chunk may fail until its job fails: over some minutes, in which a store may come back."""
_BACKOFF = Backoff(0.5, 60.0)
_CONFLICT_BACKOFF = Backoff(0.02, 1.0, jitter=True, immediate=1)
_RUNNABLE = f"""
    select tenant_id, runnable.id, facts from runnable_jobs($1) as runnable join {SCHEMA}.tenant using (tenant_id)
"""


class JobRunner:
    """Works on the jobs of a service."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        table: type[JobColumns],
        kinds: Iterable[JobKind],
        settings: Settings,
        notify_relay: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._table = table
        self._kinds = {kind.name: kind for kind in kinds}
        self._settings = settings
        self._notify_relay = notify_relay
        self._files = FileStore(settings.files)
        self._lock = Query(table, f"select * from {table.__tablename__} where id = :id for no key update skip locked")
        self._turns: dict[UUID, float] = {}
        """When each tenant last had a turn."""
        self._busy: set[UUID] = set()

    async def run(self) -> None:
        """Work on jobs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(self._work())

    async def run_chunk(self, tenant: Tenant, id: UUID) -> bool:
        """Do the next chunk of a job. Returns False if there was nothing to do, or another worker is doing it."""
        try:
            return await retry(
                lambda attempt: self._run_in_transaction(tenant, id, attempt),
                on=(RetryTransaction, *RETRYABLE_ERRORS),
                attempts=lambda _: MAX_ATTEMPTS,
                backoff=_CONFLICT_BACKOFF,
            )
        except JobFailed as error:
            await self._record_failure(tenant, id, {"code": error.code, "detail": str(error)})
        except Exception as error:
            log.warning("a chunk of a job failed", tenant=str(tenant.id), job=str(id), error=repr(error))
            await self._record_failure(tenant, id, None)
        return True

    async def _work(self) -> None:
        while True:
            try:
                has_worked = await self._take_turn()
            except Exception as error:  # the database is away: the other worker must not be cancelled for that
                log.warning("jobs wait", error=repr(error))
                has_worked = False
            if not has_worked:
                await asyncio.sleep(IDLE_SECONDS)

    async def _take_turn(self) -> bool:
        """Do a chunk of the job whose turn it is. Returns False if there is none."""
        due = await self._next()
        if due is None:
            return False
        tenant, id = due
        self._busy.add(tenant.id)
        try:
            return await self.run_chunk(tenant, id)
        finally:
            self._busy.discard(tenant.id)

    async def _next(self) -> tuple[Tenant, UUID] | None:
        """Return the job whose tenant has waited longest for a turn."""
        rows = await self._pool.fetch(_RUNNABLE, list(self._kinds))
        waiting = [row for row in rows if row["tenant_id"] not in self._busy]
        if not waiting:
            return None
        row = min(waiting, key=lambda row: self._turns.get(row["tenant_id"], 0.0))
        present = {row["tenant_id"] for row in rows}
        self._turns = {tenant: turn for tenant, turn in self._turns.items() if tenant in present}
        self._turns[row["tenant_id"]] = time.monotonic()
        return tenant_from_row(row), row["id"]

    async def _run_in_transaction(self, tenant: Tenant, id: UUID, attempt: int) -> bool:
        caller = Caller(tenant, "job", frozenset())
        async with Transaction(self._pool, caller, is_retry=attempt > 1) as transaction:
            work = UnitOfWork(transaction)
            rows = await work.fetch(self._lock, id=id)
            if not rows or rows[0].state not in ACTIVE:
                return False
            (job,) = rows
            transaction.caller = Caller(tenant, job.actor, frozenset())
            chunk = await self._kinds[job.kind].run(work, self._run_of(job))
            await work.update(job, **_changes(job, chunk, work))
        if transaction.published:
            self._notify_relay()
        return True

    def _run_of(self, job: JobColumns) -> JobRun:
        return JobRun(
            job.id, job.parameters, job.cursor, job.result, job.done, job.follows, self._files, self._settings
        )

    async def _record_failure(self, tenant: Tenant, id: UUID, failure: dict[str, Any] | None) -> None:
        """Let a job wait, or fail for good: because of a reason that a repetition would not change, or too often."""
        async with Transaction(self._pool, Caller(tenant, "job", frozenset())) as transaction:
            work = UnitOfWork(transaction)
            job = await work.find(self._table, for_update=True, id=id)
            if job is None or job.state not in ACTIVE:
                return
            attempts = job.attempts + 1
            if failure is None and attempts >= MAX_ATTEMPTS:
                failure = {"code": "internal_error", "detail": "A part of the work failed repeatedly."}
            retry_at = clock.now() + timedelta(seconds=_BACKOFF.pause(attempts))
            changes: dict[str, Any] = {"attempts": attempts, "retry_at": retry_at}
            if failure is not None:
                changes = {"attempts": attempts, "failure": failure, "state": "failed", "finished_at": work.now}
            await work.update(job, **changes)


def _changes(job: JobColumns, chunk: Chunk, work: UnitOfWork) -> dict[str, Any]:
    """Return the changes of a job after a chunk."""
    changes: dict[str, Any] = {
        "state": "succeeded" if chunk.is_last else "running",
        "cursor": chunk.cursor,
        "done": job.done + chunk.done,
        "errors": job.errors + chunk.errors,
        "started_at": job.started_at or work.now,
        "attempts": 0,
        "retry_at": None,
    }
    if chunk.total is not None:
        changes["total"] = chunk.total
    if chunk.result is not None:
        changes["result"] = chunk.result
    if chunk.is_last:
        changes["finished_at"] = work.now
    return changes
