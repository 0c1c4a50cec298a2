"""Erased persons and backups: a backup contains persons who were erased since, and a restore must not bring them back.

The erased persons of the present databases are added to the restored ones, by their ids. At its next periodic task,
each service erases those again that it has not erased.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.core.settings import Settings
from chassis.db.pool import tls_options
from chassis.db.tables import SCHEMA


@dataclass(frozen=True, slots=True, order=True)
class ErasedPerson:
    """An erased person, by id alone."""

    tenant_id: UUID
    person_id: UUID
    erasure_id: UUID
    erased_at: datetime


async def read_erased(settings: Settings) -> set[ErasedPerson]:
    """Return the erased persons of a service's database. Of a database that does not exist, or is empty: none."""
    try:
        connection = await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))
    except (asyncpg.InvalidCatalogNameError, OSError):
        return set()
    try:
        return {ErasedPerson(*row) for row in await connection.fetch(_READ)}
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return set()
    finally:
        await connection.close()


async def read_all_erased(all_settings: Iterable[Settings]) -> set[ErasedPerson]:
    """Return the erased persons of the databases of several services."""
    return {person for settings in all_settings for person in await read_erased(settings)}


async def add_erased(settings: Settings, persons: Collection[ErasedPerson]) -> int:
    """Add erased persons to a service's database. Returns the number of those that it will erase again."""
    connection = await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))
    columns = [[getattr(person, name) for person in sorted(persons)] for name in ErasedPerson.__slots__]
    try:
        return len(await connection.fetch(_ADD, *columns))
    finally:
        await connection.close()


_READ = f"select tenant_id, person_id, erasure_id, erased_at from {SCHEMA}.erased_person"
_ADD = f"""
    insert into {SCHEMA}.erased_person (tenant_id, person_id, erasure_id, erased_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[])
    on conflict do nothing returning person_id
"""
