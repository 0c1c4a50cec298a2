"""Rebuild: compute rollups again from their facts, and repair what differs, while the service runs."""

from uuid import UUID

import asyncpg

from chassis.core.identity import Caller, Tenant
from chassis.core.settings import Settings
from chassis.db.pool import open_pool
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import RebuildFunction
from chassis.messaging.tenants import ALL_TENANTS, tenant_from_row
from chassis.service import Service

MAX_STATEMENT_SECONDS = 6 * 3600.0
"""A scan of all facts may take longer than the statement of a request."""


async def rebuild_all(service: Service, settings: Settings, *, repair: bool) -> list[tuple[str, UUID, int]]:
    """Rebuild for every tenant. Returns feature, tenant and number of rows wherever rows differed."""
    settings = settings.model_copy(update={"database_statement_seconds": MAX_STATEMENT_SECONDS})
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is required"
    differences = []
    async with await open_pool(settings.worker_database_url, settings, 1) as pool:
        for row in await pool.fetch(ALL_TENANTS):
            tenant = tenant_from_row(row)
            for feature, function in service.rebuilds:
                count = await rebuild_one(pool, tenant, function, repair=repair)
                if count:
                    differences.append((feature, tenant.id, count))
    return differences


async def rebuild_one(pool: asyncpg.Pool, tenant: Tenant, function: RebuildFunction, *, repair: bool) -> int:
    """Rebuild a tenant's rollup, a batch per transaction. Returns how many rows differed."""
    total = 0
    while True:
        async with Transaction(pool, Caller(tenant, "command:rebuild", frozenset())) as transaction:
            count = await function(UnitOfWork(transaction), repair)
        total += count
        if not repair or count == 0:
            return total
