"""Periodic tasks: functions of features that run from time to time, for each tenant in turn.

A task only publishes results earlier than they would appear without it. So nothing waits for it, a failed run is
repeated at the next interval, and two workers may run the same task at once.
"""

import asyncio
import time
from collections.abc import Iterable

import asyncpg

from chassis.core.identity import Caller, Tenant
from chassis.core.telemetry import log
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import PeriodicTask
from chassis.messaging.tenants import ALL_TENANTS, DELETED_TENANTS, tenant_from_row


async def run_forever(pool: asyncpg.Pool, tasks: Iterable[PeriodicTask]) -> None:
    """Run each task at its interval, for all tenants, until cancelled."""
    due = dict.fromkeys(tasks, 0.0)
    while due:
        task = min(due, key=lambda task: due[task])
        await asyncio.sleep(due[task] - time.monotonic())
        for row in await pool.fetch(DELETED_TENANTS if task.of_deleted_tenants else ALL_TENANTS):
            await _run(pool, task, tenant_from_row(row))
        due[task] = time.monotonic() + task.every.total_seconds()
    await asyncio.Event().wait()


async def run_once(pool: asyncpg.Pool, task: PeriodicTask, tenant: Tenant) -> bool:
    """Run a batch of a task in its own transaction. Returns whether there is more to do."""
    async with Transaction(pool, Caller(tenant, f"chore:{task.feature}", frozenset())) as transaction:
        return await task.run(UnitOfWork(transaction))


async def _run(pool: asyncpg.Pool, task: PeriodicTask, tenant: Tenant) -> None:
    try:
        while await run_once(pool, task, tenant):
            pass
    except Exception as error:
        log.warning("periodic task failed", feature=task.feature, tenant=str(tenant.id), error=repr(error))
