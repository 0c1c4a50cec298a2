"""Tenants by name: the command line finds them, and the API's login has no right to."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.db.pool import connect
from chassis.service import load
from chassis.types.ids import uuid7
from gateway.access.queries import find_tenants
from gateway.settings import Settings
from local.data_dir import DataDir
from tests.support.service import settings_of


@pytest.fixture
def settings(database: DataDir) -> Settings:
    settings = settings_of(database, load("gateway"))
    assert isinstance(settings, Settings)
    return settings


@pytest.fixture
async def name(settings: Settings) -> AsyncIterator[str]:
    """Yield a name that two new tenants share, the second in upper case."""
    name = f"shop {uuid7()}"
    connection = await asyncpg.connect(str(settings.migration_database_url))
    try:
        for each in (name, name.upper()):
            await connection.execute(
                "insert into tenant (tenant_id, id, version, created_at, updated_at, name, kind, timezone, currency, "
                "region) values ($1, $1, 1, now(), now(), $2, 'live', 'UTC', 'EUR', 'NL')",
                uuid7(),
                each,
            )
        yield name
        await connection.execute("delete from tenant where lower(name) = $1", name)
    finally:
        await connection.close()


async def test_worker_login_finds_tenants_by_name_in_any_case(settings: Settings, name: str) -> None:
    connection = await connect(settings.worker_database_url, settings)  # type: ignore[arg-type]
    try:
        assert [tenant.name for tenant in await find_tenants(connection, name)] == [name, name.upper()]
        assert await find_tenants(connection, f"{name} 2") == []
        assert await connection.fetch("select * from tenant") == [], "all tenants are visible"
    finally:
        await connection.close()


async def test_api_login_cannot_find_tenants_by_name(settings: Settings, name: str) -> None:
    connection = await connect(settings.database_url, settings)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await find_tenants(connection, name)
    finally:
        await connection.close()
