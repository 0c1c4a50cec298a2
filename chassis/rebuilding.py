"""Rebuilding: rollups computed again from their facts, compared, and repaired where they differ, while all runs."""

from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from chassis.database import open_pool
from chassis.feature import Rebuilding
from chassis.identity import Caller, Tenant
from chassis.tables import SCHEMA
from chassis.tenants import tenant_of
from chassis.work import Work, transaction

if TYPE_CHECKING:
    from chassis.service import Service

LONGEST_SECONDS = 6 * 3600.0


async def rebuild_all(service: "Service", *, repair: bool) -> list[tuple[str, UUID, int]]:
    """What differed: feature, tenant, and how many rows; nothing when all was well."""
    # A scan of all facts may take longer than any request may.
    settings = service.settings.model_copy(update={"database_statement_seconds": LONGEST_SECONDS})
    assert settings.worker_database_url is not None, "WORKER_DATABASE_URL is needed"
    found = []
    async with await open_pool(settings.worker_database_url, settings, 1) as pool:
        for row in await pool.fetch(f"select * from {SCHEMA}.tenant order by tenant_id"):
            for feature in service.features:
                for again in feature.rebuilds:
                    differed = await rebuild_one(pool, tenant_of(row), again, repair=repair)
                    if differed:
                        found.append((feature.name, row["tenant_id"], differed))
    return found


async def rebuild_one(pool: asyncpg.Pool, tenant: Tenant, again: Rebuilding, *, repair: bool) -> int:
    """How many rows of a tenant's rollup differed; a portion is repaired in a transaction, until none differs."""
    differed = 0
    while True:
        async with transaction(Work(pool, Caller(tenant, "command:rebuild", frozenset()))) as work:
            portion = await again(work, repair)
        differed += portion
        if not repair or portion == 0:
            return differed
