"""Snapshots of all databases at a single moment, none ahead of another.

A reader is ahead if it has applied an event that the snapshot of the event's publisher does not contain.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis.cli.backups import BackupError
from chassis.core.settings import Settings
from chassis.db.migrations import MIGRATION_LOCK
from chassis.db.pool import tls_options
from chassis.db.tables import SCHEMA
from chassis.service import Service

ATTEMPTS = 10
PAUSE_SECONDS = 0.5
RECENT = timedelta(minutes=2)
"""Older events were published long before any snapshot. Longer than the transaction that applies a batch."""
CHUNK = 10_000
_SNAPSHOT = f"""
    select pg_export_snapshot() as id, statement_timestamp() as taken_at,
           (select version_num from {SCHEMA}.alembic_version) as revision,
           to_regclass('{SCHEMA}.published_event') is not null as has_archive
"""
_RECENTLY_APPLIED = f"select distinct event_id from {SCHEMA}.inbox where applied_at > $1"
_NOT_ANNOUNCED = f"""
    select id from unnest($1::uuid[]) as id
    where not exists (select from {SCHEMA}.published_event where event_id = id)
      and not exists (select from {SCHEMA}.outbox where event_id = id)
"""


@dataclass(frozen=True)
class Snapshot:
    """The state of a service's database. It can be dumped while its transaction is open."""

    service: str
    settings: Settings
    connection: asyncpg.Connection
    id: str
    taken_at: datetime
    revision: str
    has_archive: bool

    async def recently_applied(self) -> set[UUID]:
        """Return the events that this service applied shortly before the snapshot."""
        rows = await self.connection.fetch(_RECENTLY_APPLIED, self.taken_at - RECENT)
        return {row["event_id"] for row in rows}

    async def not_announced(self, events: Iterable[UUID]) -> set[UUID]:
        """Return those of the events that this service has not published."""
        left, ids = set(), list(events)
        for first in range(0, len(ids), CHUNK):
            rows = await self.connection.fetch(_NOT_ANNOUNCED, ids[first : first + CHUNK])
            left |= {row["id"] for row in rows}
        return left


@asynccontextmanager
async def consistent_snapshots(services: Mapping[str, tuple[Service, Settings]]) -> AsyncIterator[list[Snapshot]]:
    """Open a snapshot of each database, none ahead of another. Migrations wait while the block runs."""
    async with AsyncExitStack() as stack:
        connections = {name: await _connect(stack, settings) for name, (_, settings) in services.items()}
        previous: set[UUID] = set()
        for _ in range(ATTEMPTS):
            snapshots = await _take(connections, services)
            missing = await events_ahead(snapshots)
            # An event that was published before the previous snapshot is in this snapshot of its publisher. If it is
            # still missing, its publisher has forgotten it, which says nothing about the order of the snapshots.
            if missing <= previous:
                yield snapshots
                return
            previous |= missing
            await asyncio.gather(*(connection.execute("rollback") for connection in connections.values()))
            await asyncio.sleep(PAUSE_SECONDS)
        raise BackupError(
            f"In {ATTEMPTS} attempts, some database was always ahead of another. The server is overloaded: try again."
        )


async def _connect(stack: AsyncExitStack, settings: Settings) -> asyncpg.Connection:
    if settings.migration_database_url is None:
        raise BackupError("MIGRATION_DATABASE_URL is required: its login may read everything.")
    try:
        connection: asyncpg.Connection = await asyncpg.connect(
            str(settings.migration_database_url),
            server_settings={"application_name": "rapport-backup", "timezone": "UTC"},
            **tls_options(settings),
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise BackupError(f"The database does not answer: {error}") from None
    stack.push_async_callback(connection.close)
    await connection.execute("set idle_in_transaction_session_timeout = 0; set statement_timeout = 0")
    await connection.execute(f"select pg_advisory_lock_shared({MIGRATION_LOCK})")
    return connection


async def _take(
    connections: Mapping[str, asyncpg.Connection], services: Mapping[str, tuple[Service, Settings]]
) -> list[Snapshot]:
    """Take a snapshot of each database within milliseconds."""
    begin = "begin isolation level repeatable read read only"
    await asyncio.gather(*(connection.execute(begin) for connection in connections.values()))
    try:
        rows = await asyncio.gather(*(connection.fetch(_SNAPSHOT) for connection in connections.values()))
    except asyncpg.UndefinedTableError:
        raise BackupError("A database has no tables yet: there is nothing to back up.") from None
    return [
        Snapshot(name, services[name][1], connections[name], **dict(row))
        for name, (row,) in zip(connections, rows, strict=True)
    ]


async def events_ahead(snapshots: Sequence[Snapshot]) -> set[UUID]:
    """Return the events that a reader has applied and no publisher has announced, as far as the snapshots show."""
    if not all(snapshot.has_archive for snapshot in snapshots):
        return set()  # a database of an older version does not keep the events that it published
    missing = set().union(*[await reader.recently_applied() for reader in snapshots])
    for publisher in snapshots:
        missing = await publisher.not_announced(missing)
    return missing
