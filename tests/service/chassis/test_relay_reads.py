"""What the relay reads from the outbox: in order, within a size, and in turn for tenants while it is behind."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from chassis.messaging.relay import BATCH_SIZE, MAX_READ_BYTES, READ_IN_ORDER, READ_IN_TURN
from chassis.types.ids import uuid7
from tests.support.service import ServiceUnderTest

WRITE = """
    insert into chassis.outbox (event_id, tenant_id, type, subject, time, actor, data, size)
    select uuidv7(), $1, 'nobody.reads_this.v1', 'x', now(), 'x', json_build_object('number', number), $3
    from generate_series(1, $2) as number
"""


async def test_a_tenant_does_not_wait_for_the_thousands_of_another(customers: ServiceUnderTest) -> None:
    async with customers.shared.worker_pool.acquire() as outbox, emptied(outbox):
        flood, quiet = uuid7(), uuid7()
        await outbox.execute(WRITE, flood, 3 * BATCH_SIZE, 100)
        await outbox.execute(WRITE, quiet, 5, 100)
        assert Counter(row["tenant_id"] for row in await outbox.fetch(READ_IN_ORDER)) == {flood: BATCH_SIZE}
        rows = await outbox.fetch(READ_IN_TURN)
    assert Counter(row["tenant_id"] for row in rows) == {flood: BATCH_SIZE // 2, quiet: 5}
    for tenant in (flood, quiet):
        assert numbers_of(rows, tenant) == sorted(numbers_of(rows, tenant))


async def test_many_tenants_have_a_turn_each(customers: ServiceUnderTest) -> None:
    async with customers.shared.worker_pool.acquire() as outbox, emptied(outbox):
        tenants = [uuid7() for _ in range(200)]
        for tenant in tenants:
            await outbox.execute(WRITE, tenant, 20, 100)
        rows = await outbox.fetch(READ_IN_TURN)
    assert Counter(row["tenant_id"] for row in rows) == dict.fromkeys(tenants, 5)


async def test_large_events_are_read_a_few_at_a_time(customers: ServiceUnderTest) -> None:
    async with customers.shared.worker_pool.acquire() as outbox, emptied(outbox):
        await outbox.execute(WRITE, uuid7(), 20, 400_000)
        for statement in (READ_IN_ORDER, READ_IN_TURN):
            assert len(await outbox.fetch(statement)) == MAX_READ_BYTES // 400_000 + 1


async def test_an_event_larger_than_the_limit_is_read_alone(customers: ServiceUnderTest) -> None:
    async with customers.shared.worker_pool.acquire() as outbox, emptied(outbox):
        await outbox.execute(WRITE, uuid7(), 2, MAX_READ_BYTES + 1)
        assert len(await outbox.fetch(READ_IN_ORDER)) == 1


@asynccontextmanager
async def emptied(connection: PoolConnectionProxy) -> AsyncIterator[None]:  # type: ignore[type-arg]
    """Empty the outbox within a transaction that is rolled back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("delete from chassis.outbox")
        yield
    finally:
        await transaction.rollback()


def numbers_of(rows: list[asyncpg.Record], tenant: UUID) -> list[int]:
    return [row["seq"] for row in rows if row["tenant_id"] == tenant]
