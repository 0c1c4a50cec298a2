"""A deleted tenant: no table of any service keeps a row of it, and late events change nothing.

The tables are read from PostgreSQL's catalogs, so that a new table is checked without a new test.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from chassis.db.unit_of_work import UnitOfWork
from chassis.messaging import tenants
from chassis.types.ids import uuid7
from local import PROCESSES
from tests.conftest import StartService
from tests.support.records import RECORDS
from tests.support.service import ServiceUnderTest
from tests.support.tenancy import fill_every_table, tables_of

TOMBSTONES = "chassis.deleted_tenant"


@pytest.fixture(params=PROCESSES)
async def any_service(request: pytest.FixtureRequest, start_service: StartService) -> ServiceUnderTest:
    """Provide each of the five services in turn, to a new tenant."""
    return await (await start_service(request.param)).for_new_tenant()


@pytest.fixture
async def superuser(any_service: ServiceUnderTest) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(str(any_service.shared.running.settings.migration_database_url))
    yield connection
    await connection.close()


@pytest.fixture
async def superuser_of_service(service: ServiceUnderTest) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(str(service.shared.running.settings.migration_database_url))
    yield connection
    await connection.close()


async def tables_with_a_tenant(connection: asyncpg.Connection) -> list[str]:
    columns = "select attrelid from pg_attribute where attname = 'tenant_id' and attrelid = $1::text::regclass"
    tables = [*await tables_of(connection), *await tables_of(connection, "chassis")]
    return [table for table in tables if table != TOMBSTONES and await connection.fetchval(columns, table)]


async def rows_of(connection: asyncpg.Connection, tenant: UUID) -> dict[str, int]:
    """Return the number of the tenant's rows in each table that has some."""
    counts = {
        table: await connection.fetchval(f"select count(*) from {table} where tenant_id = $1", tenant)
        for table in await tables_with_a_tenant(connection)
    }
    return {table: count for table, count in counts.items() if count}


def deletion_of(tenant: UUID) -> dict[str, Any]:
    data = {"tenant_id": str(tenant), "deleted_at": "2026-03-01T10:00:00Z"}
    return {"type": "gateway.tenant_deleted.v1", "key": tenant, "tenant": tenant, "data": data}


async def test_every_row_of_a_deleted_tenant_is_deleted_from_every_table(
    any_service: ServiceUnderTest, superuser: asyncpg.Connection
) -> None:
    deleted, other = uuid7(), uuid7()
    attempt = superuser.transaction()
    await attempt.start()
    try:
        await fill_every_table(superuser, deleted, other)
        before = await rows_of(superuser, other)
        assert set(before) == set(await tables_with_a_tenant(superuser)), "every table is tried"
        await superuser.execute("set local session_replication_role = 'origin'")  # with foreign keys again
        batches = 0
        while await superuser.fetchval("select chassis.purge_tenant($1, 3)", deleted):
            batches += 1
        assert batches > 3, "a batch is limited"
        assert await rows_of(superuser, deleted) == {}
        assert await rows_of(superuser, other) == before
    finally:
        await attempt.rollback()


async def test_records_that_refer_to_one_another_are_deleted_in_small_batches(
    service: ServiceUnderTest, superuser_of_service: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "PURGE_BATCH_SIZE", 2)
    await RECORDS[service.service.name](service)
    rows = sum((await rows_of(superuser_of_service, service.tenant.id)).values())
    await service.deliver(deletion_of(service.tenant.id))
    for _ in range(rows // 2 + 2):
        await purge(service)
    assert await rows_of(superuser_of_service, service.tenant.id) == {}


async def test_only_a_deleted_tenant_is_purged_and_only_by_the_worker(any_service: ServiceUnderTest) -> None:
    with pytest.raises(asyncpg.RaiseError, match="is not deleted"):
        await any_service.rows("select chassis.purge_tenant($1, 10)", any_service.tenant.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await any_service.shared.running.pool.execute("select chassis.purge_tenant($1, 10)", any_service.tenant.id)


async def test_late_events_of_a_deleted_tenant_change_nothing(
    any_service: ServiceUnderTest, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "SETTLING_SECONDS", 0)
    service, other = any_service, await any_service.for_new_tenant()
    before = await rows_of(superuser, other.tenant.id)
    deletion = deletion_of(service.tenant.id) | {"id": uuid7()}
    await service.deliver(deletion)
    await purge(service)
    assert await rows_of(superuser, service.tenant.id) == {}
    await service.announce()
    await service.deliver(deletion)
    for type in service.shared.dispatcher.types:
        await service.deliver({"type": type, "key": uuid7(), "data": {}})
    assert await rows_of(superuser, service.tenant.id) == {}
    assert await rows_of(superuser, other.tenant.id) == before
    (stone,) = await service.rows(f"select * from {TOMBSTONES} where tenant_id = $1", service.tenant.id)
    assert stone["finished_at"] is not None


async def test_an_announcement_in_the_same_batch_does_not_bring_a_tenant_back(
    any_service: ServiceUnderTest, superuser: asyncpg.Connection
) -> None:
    data = {**any_service.tenant.facts, "tenant_id": str(any_service.tenant.id)}
    announcement = {"type": "gateway.tenant_changed.v1", "key": any_service.tenant.id, "data": data}
    await any_service.deliver(announcement, deletion_of(any_service.tenant.id), announcement)
    assert "chassis.tenant" not in await rows_of(superuser, any_service.tenant.id)


async def test_an_event_cannot_delete_another_tenant(any_service: ServiceUnderTest) -> None:
    other = await any_service.for_new_tenant()
    forged = deletion_of(other.tenant.id) | {"tenant": any_service.tenant.id}
    await any_service.deliver(forged)
    (letter,) = await any_service.dead_letters()
    assert "describes another tenant" in letter["reason"]
    assert await other.rows("select from chassis.tenant where tenant_id = $1", other.tenant.id)


async def test_rows_that_appear_while_a_deletion_settles_are_deleted_too(
    any_service: ServiceUnderTest, superuser: asyncpg.Connection
) -> None:
    await any_service.deliver(deletion_of(any_service.tenant.id))
    await purge(any_service)
    late = "insert into chassis.inbox (tenant_id, event_id, feature) values ($1, $2, 'late')"
    await superuser.execute(late, any_service.tenant.id, uuid7())
    await purge(any_service)
    assert await rows_of(superuser, any_service.tenant.id) == {}


async def purge(service: ServiceUnderTest) -> None:
    """Run the worker's task for this tenant twice: once to delete its rows, once to find that none is left."""
    for _ in range(2):
        async with service.transaction_of_worker() as transaction:
            await tenants.delete_rows(UnitOfWork(transaction))
