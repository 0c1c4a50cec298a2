"""The removal of files that belong to no job any more: of deleted tenants, of purged jobs, of uploads that failed."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg

from chassis.core.clock import clock
from chassis.core.files import FileStore, StoredFile
from chassis.core.identity import Caller, Tenant
from chassis.db.jobs import JobColumns
from chassis.db.statements import Query
from chassis.db.tables import SCHEMA
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork

INTERVAL_SECONDS = 600.0
GRACE = timedelta(hours=1)
"""How long a file may exist before the job to which it belongs."""
_DELETED = f"select tenant_id from {SCHEMA}.deleted_tenant where tenant_id = any($1)"


class FileSweeper:
    """Deletes files without a job."""

    def __init__(self, pool: asyncpg.Pool, table: type[JobColumns], files: FileStore) -> None:
        self._pool = pool
        self._files = files
        self._jobs = Query(UUID, f"select id from {table.__tablename__} where id = any(:ids)")

    async def run(self) -> None:
        """Sweep from time to time, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.sweep()

    async def sweep(self) -> None:
        """Delete all files of deleted tenants, and those of other tenants that belong to no job."""
        tenants = [tenant for name in await self._files.folders() if (tenant := _id_of(name)) is not None]
        deleted = {row["tenant_id"] for row in await self._pool.fetch(_DELETED, tenants)}
        for tenant in tenants:
            found = [file async for file in self._files.files_in(str(tenant))]
            if tenant not in deleted:
                found = await self._without_job(tenant, found)
            await self._files.delete([file.path for file in found])

    async def _without_job(self, tenant: UUID, found: list[StoredFile]) -> list[StoredFile]:
        jobs = {UUID(file.path.split("/")[1]) for file in found}
        async with Transaction(self._pool, Caller(Tenant.unknown(tenant), "job", frozenset()), writes=False) as read:
            existing = set(await UnitOfWork(read).select(self._jobs, ids=list(jobs)))
        before = clock.now() - GRACE
        return [file for file in found if UUID(file.path.split("/")[1]) not in existing and file.stored_at < before]


def _id_of(name: str) -> UUID | None:
    """Return the id of a folder's tenant, or None for a folder of something else in the same place."""
    try:
        return UUID(name)
    except ValueError:
        return None
