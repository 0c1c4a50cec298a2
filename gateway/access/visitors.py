"""Visitors: persons without a login, whose link token names the tenant. They reach public operations alone."""

from uuid import UUID

import asyncpg

from chassis import Caller, Query, Tenant, TenantFacts
from chassis.core.identity import VISITOR
from chassis.types.rows import construct
from gateway.access.key_cache import Credential
from gateway.access.look_ups import LookUpCache

MAX_CACHED_TENANTS = 5_000
NO_TENANT = UUID(int=0)


class VisitedTenant(TenantFacts):
    """The facts of a tenant, as `find_visited_tenants` returns them."""

    tenant_id: UUID


def _credential(tenant: Tenant) -> Credential:
    caller = Caller(tenant, VISITOR, frozenset())
    return Credential(tenant.id, caller, b"", None, False, False, tenant.id)


class VisitorCache(LookUpCache[Credential]):
    """The credentials of visitors, by their tenant."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool
        self._of_no_tenant = _credential(Tenant.unknown(NO_TENANT))

    async def credential(self, tenant: UUID | None) -> Credential:
        """Return the credential of a tenant's visitors.

        Visitors of an unknown, suspended or deleted tenant are those of no tenant: the service finds nothing for
        them, and responds as to a wrong token.
        """
        found = None if tenant is None else await self.find(tenant)
        return found or self._of_no_tenant

    async def _fetch(self, ids: list[UUID]) -> dict[UUID, Credential]:
        rows = await self._pool.fetch(_FIND.sql, *_FIND.bind({"ids": ids}))
        tenants = (construct(Tenant, row, id=row.tenant_id) for row in map(_FIND.build, rows))
        return {tenant.id: _credential(tenant) for tenant in tenants}

    def _store(self, id: UUID, record: Credential) -> None:
        if len(self._by_id) >= MAX_CACHED_TENANTS:
            self._remove(next(iter(self._by_id)))
        super()._store(id, record)


_FIND = Query(VisitedTenant, "select * from find_visited_tenants(:ids)")
