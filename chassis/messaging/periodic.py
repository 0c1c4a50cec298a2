"""Periodic tasks: functions of features that run from time to time, for each tenant in turn.

A task only publishes results earlier than they would appear without it. So nothing waits for it, a failed run is
repeated at the next interval, and two workers may run the same task at once.

The tasks of a tenant also run as soon as its facts have changed: a sandbox that has moved its clock need not wait for
the intervals. The tenant table then names the event whose facts the tasks have seen, so that the gateway can report it.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import asyncpg

from chassis.core.identity import Caller, Tenant
from chassis.core.telemetry import log
from chassis.db.statements import Record
from chassis.db.tables import SCHEMA
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import PeriodicTask
from chassis.messaging.tenants import ALL_TENANTS, DELETED_TENANTS, tenant_from_row

RECHECK_SECONDS = 5.0
"""How often changed tenants are looked for without a notification: after a failure, or those of another worker."""
_CHANGED_TENANTS = f"""
    select tenant_id, facts, event_id from {SCHEMA}.tenant where event_id is distinct from settled_event_id
    order by event_id desc
"""
_SETTLE = f"update {SCHEMA}.tenant set settled_event_id = $2 where tenant_id = $1 and event_id = $2"


class PeriodicTasks:
    """The periodic tasks of a service, in its worker."""

    def __init__(self, pool: asyncpg.Pool, tasks: Iterable[PeriodicTask]) -> None:
        self._pool = pool
        self._tasks = list(tasks)
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Report that the facts of a tenant have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Run each task at its interval, for all tenants, until cancelled."""
        due = dict.fromkeys(self._tasks, 0.0)
        while due:
            task = min(due, key=lambda task: due[task])
            await asyncio.sleep(due[task] - time.monotonic())
            for row in await self._pool.fetch(DELETED_TENANTS if task.of_deleted_tenants else ALL_TENANTS):
                await self._run_to_end(task, tenant_from_row(row))
            due[task] = time.monotonic() + task.every.total_seconds()
        await asyncio.Event().wait()

    async def follow_tenants(self) -> None:
        """Run all tasks of each tenant whose facts have changed, until cancelled."""
        while True:
            self._changed.clear()
            for row in await self._pool.fetch(_CHANGED_TENANTS):
                await self._follow(row)
            with suppress(TimeoutError):
                async with asyncio.timeout(RECHECK_SECONDS):
                    await self._changed.wait()

    async def _follow(self, row: Record) -> None:
        tenant = tenant_from_row(row)
        tasks = (task for task in self._tasks if not task.of_deleted_tenants)
        if all([await self._run_to_end(task, tenant) for task in tasks]):
            await self._pool.execute(_SETTLE, tenant.id, row["event_id"])

    async def _run_to_end(self, task: PeriodicTask, tenant: Tenant) -> bool:
        """Run a task for a tenant until there is nothing more to do. Returns False if it failed."""
        try:
            while await run_once(self._pool, task, tenant):
                pass
        except Exception as error:
            log.warning("periodic task failed", feature=task.feature, tenant=str(tenant.id), error=repr(error))
            return False
        return True


async def run_once(pool: asyncpg.Pool, task: PeriodicTask, tenant: Tenant) -> bool:
    """Run a batch of a task in its own transaction. Returns whether there is more to do."""
    async with Transaction(pool, Caller(tenant, f"chore:{task.feature}", frozenset())) as transaction:
        return await task.run(UnitOfWork(transaction))
