"""Database operations on credentials and tenants that features, the reverse proxy and commands share."""

import asyncpg

from chassis import Command, Query, UnitOfWork
from gateway.access.rules import NamedTenant

CHANNEL = "rapport_credentials"
"""The NOTIFY channel of changes to keys and tenants. Every replica of the gateway listens to it."""


async def invalidate_credentials(work: UnitOfWork) -> None:
    """Make every replica look up its cached keys again as soon as this transaction commits."""
    await work.execute(_NOTIFY, channel=CHANNEL)


async def find_tenants(connection: asyncpg.Connection, name: str) -> list[NamedTenant]:
    """Return all tenants with this name, without regard to case. Needs the worker's login."""
    rows = await connection.fetch(_FIND_TENANTS.sql, *_FIND_TENANTS.bind({"name": name}))
    return [_FIND_TENANTS.build(row) for row in rows]


_NOTIFY = Command("select pg_notify(:channel, '')")
_FIND_TENANTS = Query(NamedTenant, "select id, name from find_tenants(:name)")
