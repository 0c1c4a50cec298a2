"""Rows that survive a restore: decisions that an older backup must not take back, such as blocks of erased persons.

The rows of tables with `SURVIVES_RESTORE` are read before the databases are replaced, and added to the restored ones.
"""

from collections.abc import Mapping, Sequence

import asyncpg
from sqlalchemy import MetaData

from chassis.core.settings import Settings
from chassis.db.pool import tls_options

Rows = Mapping[str, Sequence[asyncpg.Record]]
"""The rows of a database by table, each table after those that it refers to."""


async def read_surviving(settings: Settings, metadata: MetaData) -> Rows:
    """Return the rows of a service's database that survive. Of a database or a table that does not exist: none."""
    names = [table.fullname for table in metadata.sorted_tables if table.info.get("survives_restore")]
    try:
        connection = await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))
    except (asyncpg.InvalidCatalogNameError, OSError):
        return {}
    try:
        present = [name for name in names if await connection.fetchval("select to_regclass($1)", name) is not None]
        return {name: await connection.fetch(f"select * from {name}") for name in present}
    finally:
        await connection.close()


async def add_surviving(settings: Settings, rows: Rows) -> None:
    """Add the rows that survive to a restored and migrated database."""
    connection = await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))
    try:
        async with connection.transaction():
            for name, records in rows.items():
                columns = list(records[0].keys()) if records else []
                places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
                sql = f"insert into {name} ({', '.join(columns)}) values ({places}) on conflict do nothing"
                await connection.executemany(sql, [tuple(record) for record in records])
    finally:
        await connection.close()
