"""A connection never serves a former tenant, however the work before ended: one connection, many tenants, any order."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from chassis.database import open_pool
from chassis.problems import NotFound
from chassis.work import Work, transaction
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
    settings = running_loyalty.service.settings
    async with await open_pool(settings.database_url, settings, size=1) as pool:
        yield pool


@pytest.fixture
async def tenants(running_loyalty: ServiceUnderTest) -> list[ServiceUnderTest]:
    """Three, each with one program."""
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
        work = Work(one_connection, tenants[number].caller, writes=writes)
        seen: list[UUID] = []
        running = asyncio.create_task(some_work(work, ending, seen))
        if ending == "cancelled anywhere":
            for _ in range(chance.randrange(12)):  # on the way to the connection, to the tenant, to the rows
                await asyncio.sleep(0)
            running.cancel()
        if ending == "cancelled in SQL":
            while not seen and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        so_far.append(f"{'write' if writes else 'read'} of {number} ends {ending}")
        assert seen == [work.tenant.id] or (ending == "cancelled anywhere" and seen == []), so_far


async def some_work(work: Work, ending: str, seen: list[UUID]) -> None:
    """Notes whose rows there are, and ends as it is told."""
    async with transaction(work):
        seen += [row["tenant_id"] for row in await work.fetch("select tenant_id from program")]
        if ending == "refused":
            raise NotFound
        if ending == "wrong SQL":
            await work.execute("select * from nothing")
        if ending == "wrong SQL, swallowed":
            try:
                await work.execute("select * from nothing")
            except asyncpg.PostgresError:
                return
        if ending == "cancelled in SQL":
            await work.execute("select pg_sleep(5)")
        if ending == "killed":
            await work.execute("select pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("writes", [False, True])
async def test_a_killed_connection_is_followed_by_one_of_the_next_tenant(
    one_connection: asyncpg.Pool, tenants: list[ServiceUnderTest], writes: bool
) -> None:
    """Killed while it rests in the pool, as an administrator or a restart would."""
    one, other, _ = tenants
    pids = []
    for who in (one, other, one):
        work = Work(one_connection, who.caller, writes=writes)
        async with transaction(work):
            seen = await work.fetch("select tenant_id, pg_backend_pid() as pid from program")
        assert [row["tenant_id"] for row in seen] == [who.tenant.id]
        pids.append(seen[0]["pid"])
        # Two backends of one login may end each other.
        await who.shared.pool.execute("select pg_terminate_backend($1)", pids[-1])
        await asyncio.sleep(0.05)
    assert len(set(pids)) == 3
