"""Chores: what a feature does when time has passed, a tenant at a time.

A chore makes timely what would come out the same without it, so nobody waits for one, a failed one is simply tried at
the next round, and two workers may do the same one at once.
"""

import asyncio
from collections.abc import Iterable

import asyncpg

from chassis.feature import Chore
from chassis.identity import Caller, Tenant
from chassis.tables import SCHEMA
from chassis.telemetry import log
from chassis.tenants import tenant_of
from chassis.work import Work, transaction

ROUND_SECONDS = 30.0


async def do_for_ever(pool: asyncpg.Pool, chores: Iterable[Chore]) -> None:
    """Does all chores for all tenants, round after round."""
    chores = list(chores)
    while chores:
        for row in await pool.fetch(f"select * from {SCHEMA}.tenant order by tenant_id"):
            for chore in chores:
                await _do(pool, chore, tenant_of(row))
        await asyncio.sleep(ROUND_SECONDS)
    await asyncio.Event().wait()


async def do_once(pool: asyncpg.Pool, chore: Chore, tenant: Tenant) -> bool:
    """A portion of a chore, in a transaction of its own; tells whether there is more."""
    work = Work(pool, Caller(tenant, f"chore:{chore.feature}", frozenset()))
    async with transaction(work):
        return await chore.do(work)


async def _do(pool: asyncpg.Pool, chore: Chore, tenant: Tenant) -> None:
    try:
        while await do_once(pool, chore, tenant):
            pass
    except Exception as error:
        log.warning("a chore was not done", feature=chore.feature, tenant=str(tenant.id), error=repr(error))
