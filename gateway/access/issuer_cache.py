"""The cache of issuers, by the id of their URL: several tenants may accept tokens of the same provider."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from chassis import Query
from gateway.access.look_ups import LookUpCache

MAX_CACHED_URLS = 5_000


@dataclass(frozen=True, slots=True)
class StoredIssuer:
    """An issuer as `find_issuers` returns it."""

    id: UUID
    tenant_id: UUID
    url: str
    url_id: UUID
    audience: str
    algorithms: list[str]
    clock_skew_seconds: int
    rules: list[dict[str, Any]]
    default_scopes: list[str]
    customer_source: str | None
    configured_by: UUID


Issuers = tuple[StoredIssuer, ...]


class IssuerCache(LookUpCache[Issuers]):
    """The issuers of all tenants with a URL, by the id of the URL."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool

    async def _fetch(self, ids: list[UUID]) -> dict[UUID, Issuers]:
        rows = await self._pool.fetch(_FIND_ISSUERS.sql, *_FIND_ISSUERS.bind({"ids": ids}))
        issuers: dict[UUID, Issuers] = {}
        for issuer in map(_FIND_ISSUERS.build, rows):
            issuers[issuer.url_id] = (*issuers.get(issuer.url_id, ()), issuer)
        return issuers

    def _store(self, id: UUID, record: Issuers) -> None:
        if len(self._by_id) >= MAX_CACHED_URLS:
            self._remove(next(iter(self._by_id)))
        super()._store(id, record)


_FIND_ISSUERS = Query(StoredIssuer, "select * from find_issuers(:ids)")
