"""`rapport restore`: the databases of a backup, prepared beside the present ones and then put in their place.

An interrupted restore leaves the prepared databases. While they exist, `rapport migrate` refuses to run, so that no
system starts on a part of a backup.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from chassis.cli.backups import BackupError, manifest
from chassis.cli.backups.erased import ErasedPerson, add_erased, read_all_erased
from chassis.cli.backups.manifest import DumpedDatabase, Manifest
from chassis.cli.backups.programs import find_program, run_program
from chassis.cli.backups.surviving import Rows, add_surviving, read_surviving
from chassis.cli.backups.topics import delete_topics
from chassis.core.events import topic_name
from chassis.core.settings import Settings
from chassis.db.migrations import known_revisions, migrate
from chassis.db.pool import tls_options
from chassis.db.provisioning import admin_connection, ensure_roles, owner_role, restoring_name, set_database_rights
from chassis.service import Service

Say = Callable[[str], None]
_CONNECTED = "select count(*) from pg_stat_activity where datname = $1 and application_name = 'rapport'"
_HAS_TABLES = """
    select exists (
        select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and nspname <> 'information_schema' and nspname !~ '^pg_'
    )
"""


@dataclass(frozen=True)
class Restoration:
    """A service, and the dump from which its database is restored."""

    service: Service
    settings: Settings
    dump: DumpedDatabase
    folder: Path

    @property
    def name(self) -> str:
        """The name of the service."""
        return self.service.name


async def restore_backup(
    folder: Path,
    services: Mapping[str, tuple[Service, Settings]],
    say: Say,
    *,
    replace: bool,
    keep_kafka: bool,
) -> Manifest:
    """Restore services from a backup. Nothing is changed unless the backup, the databases and Kafka pass the checks."""
    backup = manifest.read(folder)
    restorations = [_restoration(folder, backup, *configured) for configured in services.values()]
    program, _ = find_program("pg_restore", at_least=backup.postgresql)
    await _check_dumps(restorations)
    for restoration in restorations:
        await _check_database(restoration, replace=replace)
    erased = await read_all_erased(restoration.settings for restoration in restorations)
    surviving = {one.name: await read_surviving(one.settings, one.service.metadata) for one in restorations}
    settings = restorations[0].settings
    if not keep_kafka:
        await delete_topics(settings, ())  # checks that Kafka answers

    try:
        await asyncio.gather(*(_prepare(program, restoration, say) for restoration in restorations))
        for restoration in restorations:
            await _check_connections(restoration)
    except BaseException:
        for restoration in restorations:
            await _discard(restoration)
        raise
    # From here on, an interrupted restore must be repeated. The prepared databases prevent a start until then.
    if not keep_kafka:
        prefix = settings.kafka_topic_prefix
        await delete_topics(settings, {topic_name(name, prefix) for name in services})
        say("deleted Kafka's topics")
    for restoration in restorations:
        await _put_in_place(restoration)
    await _bring_up_to_date(restorations, erased, surviving, say)
    return backup


async def _bring_up_to_date(
    restorations: list[Restoration], erased: set[ErasedPerson], surviving: Mapping[str, Rows], say: Say
) -> None:
    """Migrate the restored databases, add what survives a restore, and let the services erase persons again."""
    for restoration in restorations:
        await migrate(restoration.settings, restoration.name, restoration.service.migrations)
        await add_surviving(restoration.settings, surviving[restoration.name])
        if count := await add_erased(restoration.settings, erased):
            say(f"{restoration.name}: {count} persons were erased since the backup, and will be erased again")


def _restoration(folder: Path, backup: Manifest, service: Service, settings: Settings) -> Restoration:
    """Check that this code can restore the service from the backup."""
    dump = backup.databases.get(service.name)
    if dump is None:
        raise BackupError(f"{folder} has no database of {service.name}: it is not a backup of all services.")
    if settings.migration_database_url is None:
        raise BackupError("MIGRATION_DATABASE_URL is required: its login creates databases and roles.")
    database = urlsplit(str(settings.migration_database_url)).path.lstrip("/")
    if dump.database != database:
        raise BackupError(
            f"The backup has {service.name} in the database {dump.database}, the settings name {database}. Roles are "
            "named after the database: restore under the same name."
        )
    if dump.revision not in known_revisions(service.migrations, service.name):
        raise BackupError(
            f"The backup was made by a newer version of Rapport ({backup.rapport}): {service.name} is at revision "
            f"{dump.revision}, which this version does not have. Restore it by the newer version."
        )
    return Restoration(service, settings, dump, folder)


async def _check_dumps(restorations: list[Restoration]) -> None:
    checks = (asyncio.to_thread(manifest.verify, one.folder, one.dump) for one in restorations)
    await asyncio.gather(*checks)


async def _check_database(restoration: Restoration, *, replace: bool) -> None:
    """Check that the database is absent or empty, or may be replaced, and that no process of Rapport uses it."""
    try:
        await _check_connections(restoration)
        if not replace and await _has_tables(restoration):
            raise BackupError(
                f"The database {restoration.dump.database} is not empty. `rapport restore DIR --replace` drops what it "
                "contains."
            )
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise BackupError(f"PostgreSQL does not answer: {error}") from None


async def _check_connections(restoration: Restoration) -> None:
    async with admin_connection(restoration.settings) as (connection, database):
        if connections := await connection.fetchval(_CONNECTED, database):
            raise BackupError(
                f"Processes of Rapport use {database} ({connections} connections). Stop them first; `rapport up "
                "--servers-only` runs PostgreSQL and Kafka alone."
            )


async def _has_tables(restoration: Restoration) -> bool:
    settings = restoration.settings
    try:
        connection = await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        return bool(await connection.fetchval(_HAS_TABLES))
    finally:
        await connection.close()


async def _prepare(program: str, restoration: Restoration, say: Say) -> None:
    """Restore a dump into a database beside the present one."""
    async with admin_connection(restoration.settings) as (connection, database):
        prepared, owner = restoring_name(database), owner_role(restoration.name)
        await ensure_roles(connection, restoration.settings, restoration.name)
        await connection.execute(f'drop database if exists "{prepared}" with (force)')
        await connection.execute(f'create database "{prepared}" template template0')
        await set_database_rights(connection, restoration.name, prepared)
    options = ["--exit-on-error", "--no-owner", f"--role={owner}", str(restoration.folder / restoration.dump.file)]
    await run_program(program, *options, settings=restoration.settings, database=prepared)
    await _analyze(restoration.settings, prepared)
    say(f"restored {restoration.name}")


async def _analyze(settings: Settings, database: str) -> None:
    """Collect the planner's statistics, which a dump does not contain."""
    url = urlsplit(str(settings.migration_database_url))._replace(path=f"/{database}").geturl()
    connection = await asyncpg.connect(url, **tls_options(settings))
    try:
        await connection.execute("analyze")
    finally:
        await connection.close()


async def _discard(restoration: Restoration) -> None:
    async with admin_connection(restoration.settings) as (connection, database):
        await connection.execute(f'drop database if exists "{restoring_name(database)}" with (force)')


async def _put_in_place(restoration: Restoration) -> None:
    async with admin_connection(restoration.settings) as (connection, database):
        await connection.execute(f'drop database if exists "{database}" with (force)')
        await connection.execute(f'alter database "{restoring_name(database)}" rename to "{database}"')
