"""Database operations on credentials and tenants that features, the reverse proxy and commands share."""

from collections.abc import Iterable
from contextvars import ContextVar
from uuid import UUID

import asyncpg

from chassis import Command, Query, UnitOfWork
from gateway.access.rules import (
    MAX_ANNOUNCED_KEYS,
    ListedTenant,
    NamedTenant,
    issuer_payload,
    keys_payload,
    tenant_payload,
)

CHANNEL = "rapport_credentials"
"""The NOTIFY channel of changes to keys and tenants. Every replica of the gateway listens to it."""

_changes: ContextVar[list[str] | None] = ContextVar("changes", default=None)


def collect_changes() -> list[str]:
    """Return a list to which the rest of this request adds the payloads of the changes that it announces."""
    changes: list[str] = []
    _changes.set(changes)
    return changes


async def announce_keys(work: UnitOfWork, ids: Iterable[UUID]) -> None:
    """Make every replica look up these keys again as soon as this transaction commits."""
    keys = sorted(ids)
    for first in range(0, len(keys), MAX_ANNOUNCED_KEYS):
        await _announce(work, keys_payload(keys[first : first + MAX_ANNOUNCED_KEYS]))


async def announce_tenant(work: UnitOfWork) -> None:
    """Make every replica look up all keys of the tenant again as soon as this transaction commits."""
    await _announce(work, tenant_payload(work.tenant.id))


async def announce_issuer(work: UnitOfWork, url_id: UUID) -> None:
    """Make every replica look up the issuers with a URL again as soon as this transaction commits."""
    await _announce(work, issuer_payload(url_id))


async def _announce(work: UnitOfWork, payload: str) -> None:
    await work.execute(_NOTIFY, channel=CHANNEL, payload=payload)
    changes = _changes.get()
    if changes is not None:
        changes.append(payload)


async def find_tenants(connection: asyncpg.Connection, name: str) -> list[NamedTenant]:
    """Return all tenants with this name, without regard to case. Needs the worker's login."""
    rows = await connection.fetch(_FIND_TENANTS.sql, *_FIND_TENANTS.bind({"name": name}))
    return [_FIND_TENANTS.build(row) for row in rows]


async def list_tenants(connection: asyncpg.Connection) -> list[ListedTenant]:
    """Return all tenants by name. Needs the worker's login."""
    return [_LIST_TENANTS.build(row) for row in await connection.fetch(_LIST_TENANTS.sql)]


_NOTIFY = Command("select pg_notify(:channel, :payload)")
_FIND_TENANTS = Query(NamedTenant, "select id, name from find_tenants(:name)")
_LIST_TENANTS = Query(ListedTenant, "select * from list_tenants()")
