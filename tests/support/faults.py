"""Faults in the tables of one tenant: rows that are rejected at the commit, and commits that wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from tests.support.service import ServiceUnderTest

GATE = 4711


@asynccontextmanager
async def rows_rejected(service: ServiceUnderTest, table: str, condition: str, reason: str) -> AsyncIterator[None]:
    """Reject rows of this tenant at the commit, as an unexpected constraint would."""
    await service.as_owner(
        f"create function reject_{table}() returns trigger language plpgsql as $$ begin "
        f"if {condition} and new.tenant_id = '{service.tenant.id}' then "
        f"raise check_violation using message = '{reason}'; end if; return new; end $$",
        f"create constraint trigger reject_{table} after insert or update on {table} deferrable initially deferred "
        f"for each row execute function reject_{table}()",
    )
    try:
        yield
    finally:
        await service.as_owner(f"drop trigger reject_{table} on {table}", f"drop function reject_{table}")


@asynccontextmanager
async def commits_wait(
    service: ServiceUnderTest, table: str, condition: str
) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Block transactions that insert such a row at their commit, until the yielded function is called."""
    gate = await asyncpg.connect(str(service.shared.running.settings.migration_database_url))
    await gate.execute(f"select pg_advisory_lock({GATE})")
    await service.as_owner(
        "create function wait_at_the_gate() returns trigger language plpgsql as $$ begin "
        f"if {condition} and new.tenant_id = '{service.tenant.id}' then perform pg_advisory_xact_lock({GATE}); end if; "
        "return new; end $$",
        f"create constraint trigger wait_at_the_gate after insert on {table} deferrable initially deferred "
        "for each row execute function wait_at_the_gate()",
    )
    try:
        yield lambda: gate.execute(f"select pg_advisory_unlock({GATE})")
    finally:
        await gate.close()
        await service.as_owner(f"drop trigger wait_at_the_gate on {table}", "drop function wait_at_the_gate")


async def until_a_commit_waits(service: ServiceUnderTest) -> None:
    """Return once a transaction waits at the gate."""
    waiting = f"select 1 from pg_locks where locktype = 'advisory' and objid = {GATE} and not granted"
    async with asyncio.timeout(8):
        while not await service.shared.worker_pool.fetchval(waiting):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
