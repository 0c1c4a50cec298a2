"""Pooled connections: a connection never serves a former tenant, no matter how the previous transaction ended.

A single connection serves many tenants in random order.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest

from chassis import Command, NotFound, Query, UnitOfWork
from chassis.db.pool import open_pool
from chassis.db.transaction import Transaction
from tests.support.facts import a_program
from tests.support.service import ServiceUnderTest

SEEDS = range(6)
STEPS = 60
ENDINGS = (
    *["well"] * 5,
    "refused",
    "wrong SQL",
    "wrong SQL, swallowed",
    "cancelled in SQL",
    "cancelled anywhere",
    "killed",
)


@pytest.fixture
async def one_connection(running_loyalty: ServiceUnderTest) -> AsyncIterator[asyncpg.Pool]:
    settings = running_loyalty.shared.running.settings
    async with await open_pool(settings.database_url, settings, size=1) as pool:
        yield pool


@pytest.fixture
async def tenants(running_loyalty: ServiceUnderTest) -> list[ServiceUnderTest]:
    """Return three tenants, each with a single program."""
    found = [await running_loyalty.for_new_tenant() for _ in range(3)]
    for tenant in found:
        assert (await tenant.post("/v1/programs", a_program())).status_code == 201
    return found


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_connection_never_serves_a_former_tenant(
    one_connection: asyncpg.Pool, tenants: list[ServiceUnderTest], seed: int
) -> None:
    chance = random.Random(seed)
    so_far: list[str] = []
    for _ in range(STEPS):
        number, writes, ending = chance.randrange(3), chance.random() < 0.5, chance.choice(ENDINGS)
        transaction = Transaction(one_connection, tenants[number].caller, writes=writes)
        seen: list[UUID] = []
        running = asyncio.create_task(some_work(transaction, ending, seen))
        if ending == "cancelled anywhere":
            for _ in range(chance.randrange(12)):  # acquires the connection, sets the tenant, reads the rows
                await asyncio.sleep(0)
            running.cancel()
        if ending == "cancelled in SQL":
            while not seen and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        so_far.append(f"{'write' if writes else 'read'} of {number} ends {ending}")
        assert seen == [tenants[number].tenant.id] or (ending == "cancelled anywhere" and seen == []), so_far


TENANTS_SEEN = Query(UUID, "select tenant_id from program")
WRONG = Command("select * from nothing")
SLEEP = Command("select pg_sleep(5)")
KILL = Command("select pg_terminate_backend(pg_backend_pid())")


async def some_work(transaction: Transaction, ending: str, seen: list[UUID]) -> None:
    """Record the tenants whose rows are visible, and end as the test specifies."""
    async with transaction:
        work = UnitOfWork(transaction)
        seen += await work.fetch(TENANTS_SEEN)
        if ending == "refused":
            raise NotFound
        if ending == "wrong SQL":
            await work.execute(WRONG)
        if ending == "wrong SQL, swallowed":
            try:
                await work.execute(WRONG)
            except asyncpg.PostgresError:
                return
        if ending == "cancelled in SQL":
            await work.execute(SLEEP)
        if ending == "killed":
            await work.execute(KILL)


@dataclass(frozen=True, slots=True)
class SeenRow:
    tenant_id: UUID
    pid: int


ROWS_SEEN = Query(SeenRow, "select tenant_id, pg_backend_pid() as pid from program")


@pytest.mark.parametrize("writes", [False, True])
async def test_a_killed_connection_is_followed_by_one_of_the_next_tenant(
    one_connection: asyncpg.Pool, tenants: list[ServiceUnderTest], writes: bool
) -> None:
    """The backend is terminated while its connection is idle in the pool, as by an administrator or a restart."""
    one, other, _ = tenants
    pids = []
    for who in (one, other, one):
        async with Transaction(one_connection, who.caller, writes=writes) as transaction:
            seen = await UnitOfWork(transaction).fetch(ROWS_SEEN)
        assert [row.tenant_id for row in seen] == [who.tenant.id]
        pids.append(seen[0].pid)
        # Two backends of the same login may terminate each other.
        await who.shared.running.pool.execute("select pg_terminate_backend($1)", pids[-1])
        await asyncio.sleep(0.05)
    assert len(set(pids)) == 3
