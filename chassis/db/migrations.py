"""Migrations: the database, its roles, the chassis' tables, and the security of every tenant's table.

A NOLOGIN role owns every table. The service's two logins own nothing and are subject to row-level security, so FORCE is
not needed: a migration's backfill sees all rows, and a SECURITY DEFINER function of the owner may read across tenants.
"""

import asyncio
import importlib.resources
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import sqlalchemy as sa
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.db.pool import connect, tls_options
from chassis.db.tables import CURRENT_TENANT, SCHEMA

LOCK_TIMEOUT = "5s"
_OWNER = "select datdba::regrole::text from pg_database where datname = current_database()"

_database: ContextVar[str] = ContextVar("database")
"""The database that is being migrated. Roles belong to the whole cluster, so its name is their prefix."""


def owner_role(service: str) -> str:
    """Return the role that owns a service's tables."""
    return f"{_database.get(f'rapport_{service}')}_owner"


def api_role(service: str) -> str:
    """Return the group of the API's login."""
    return f"{_database.get(f'rapport_{service}')}_api"


def worker_role(service: str) -> str:
    """Return the group of the worker's login."""
    return f"{_database.get(f'rapport_{service}')}_worker"


class DowngradeNotSupported(Exception):
    """The database is newer than this code, or a downgrade was requested. The text says what to do."""


# Called by migration files


def enable_tenant_isolation(table: str, service: str, *, append_only: bool = False) -> None:
    """Enable row-level security on a table, and grant its rights to the logins.

    `append_only` rows are added and never changed or removed.
    """
    rights = "select, insert" if append_only else "select, insert, update, delete"
    # The policy does not cast the column, because a cast would prevent the use of its indexes. The tenant is a
    # sub-select, so that plans are made for a tenant of typical size (docs/decisions/0015).
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"create policy tenant on {table} using (tenant_id = (select {CURRENT_TENANT}))")
    op.execute(f"grant {rights} on {table} to {api_role(service)}, {worker_role(service)}")


def create_tenant_table(table: str, service: str, *items: SchemaItem, append_only: bool) -> None:
    """Create a table of a tenant: with its ids and primary key, row-level security, and the logins' rights.

    `items` are its own columns and constraints. `append_only` rows are added and never changed or removed.
    """
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        *items,
        sa.PrimaryKeyConstraint("tenant_id", "id", name=f"pk_{table}"),
    )
    enable_tenant_isolation(table, service, append_only=append_only)


def grant_function(signature: str, service: str) -> None:
    """Let the logins, and no other role, call a function."""
    op.execute(f"revoke all on function {signature} from public")
    op.execute(f"grant execute on function {signature} to {api_role(service)}, {worker_role(service)}")


def grant_view(name: str, service: str) -> None:
    """Let the logins read a view."""
    op.execute(f"grant select on {name} to {api_role(service)}, {worker_role(service)}")


def create_chassis_tables(service: str) -> None:
    """Create the chassis' tables. The API's login may insert into the outbox, and do nothing else with it."""
    _run_script("system_tables.sql", service)


def add_event_archive(service: str) -> None:
    """Keep published events, count what each feature has applied by type, and let events of a tenant wait aside."""
    _run_script("event_archive.sql", service)


def add_tenant_deletion(service: str) -> None:
    """Let the worker delete all rows of a deleted tenant, and let the API count a tenant's own waiting events."""
    _run_script("tenant_deletion.sql", service)


def _run_script(name: str, service: str) -> None:
    script = importlib.resources.files("chassis.db").joinpath(name).read_text()
    for placeholder, value in {
        "schema": SCHEMA,
        "current_tenant": CURRENT_TENANT,
        "api": api_role(service),
        "worker": worker_role(service),
    }.items():
        script = script.replace(f"<{placeholder}>", value)
    for statement in script.split(";\n\n"):
        op.execute(statement)


def store_tenant_facts_as_json() -> None:
    """Replace the columns of the chassis' tenant table with a single document, as in events and tokens."""
    op.execute(f"alter table {SCHEMA}.tenant add column facts jsonb")
    op.execute(
        f"update {SCHEMA}.tenant set facts = jsonb_build_object('name', name, 'kind', kind, 'timezone', timezone, "
        "'currency', currency, 'region', region, 'clock_at', clock_at)"
    )
    op.execute(f"alter table {SCHEMA}.tenant alter column facts set not null")
    for column in ("name", "kind", "timezone", "currency", "region", "clock_at"):
        op.execute(f"alter table {SCHEMA}.tenant drop column {column}")


# The outbox is nearly empty, but all of its rows are dead soon. By default, a vacuum would wait for a share of a table.
_VACUUM_OUTBOX_OFTEN = f"""
    alter table if exists {SCHEMA}.outbox
    set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
"""


# Called by `rapport migrate`


async def provision(settings: Settings, service: str, *, logins: bool = True) -> None:
    """Create the database and the roles if they do not exist, and set the passwords of the logins."""
    with _roles_named_after_database(settings) as database:
        connection = await _connect_as_admin(settings)
        try:
            await connection.execute("select pg_advisory_lock(1380011088)")  # roles belong to the whole cluster
            for role in (owner_role(service), api_role(service), worker_role(service)):
                await _ensure_role(connection, role)
            await connection.execute(f"grant {owner_role(service)} to current_user")
            for url, group in ((settings.database_url, api_role), (settings.worker_database_url, worker_role)):
                if logins and url is not None:
                    await _ensure_login(connection, str(url), group(service))
            if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
                await connection.execute(f'create database "{database}"')
            await connection.execute(f'alter database "{database}" owner to {owner_role(service)}')
            groups = f"{api_role(service)}, {worker_role(service)}"
            await connection.execute(f'revoke all on database "{database}" from public')
            await connection.execute(f'grant connect, temporary on database "{database}" to {groups}')
        finally:
            await connection.close()


async def _ensure_role(connection: asyncpg.Connection, role: str) -> None:
    if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
        await connection.execute(f"create role {role} nologin")


async def _ensure_login(connection: asyncpg.Connection, url: str, group: str) -> None:
    address = urlsplit(url)
    user, password = unquote(address.username or ""), unquote(address.password or "")
    if not await connection.fetchval("select 1 from pg_roles where rolname = $1", user):
        await connection.execute(f'create role "{user}" login nosuperuser nocreatedb nocreaterole nobypassrls')
    quoted = password.replace("'", "''")
    await connection.execute(f"alter role \"{user}\" login password '{quoted}'")
    await connection.execute(f'grant {group} to "{user}"')


async def migrate(settings: Settings, service: str, migrations: Path, *, logins: bool = True) -> None:
    """Bring a service's database to the newest revision. Concurrent calls wait for each other.

    Raises DowngradeNotSupported if the database is newer than this code.
    """
    await provision(settings, service, logins=logins)

    def run(connection: Connection) -> None:
        _reject_newer_schema(connection, migrations, service)
        config = _config(migrations, service)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.exec_driver_sql(_VACUUM_OUTBOX_OFTEN)

    with _roles_named_after_database(settings):
        await with_owner_connection(settings, run)
    log.info("migrated", service=service, revision=newest_revision(migrations, service))


async def drop_database(settings: Settings, service: str) -> None:
    """Drop a scratch database and the roles that are named after it."""
    with _roles_named_after_database(settings) as database:
        connection = await _connect_as_admin(settings)
        try:
            await connection.execute(f'drop database if exists "{database}" with (force)')
            for role in (owner_role(service), api_role(service), worker_role(service)):
                await connection.execute(f"drop role if exists {role}")
        finally:
            await connection.close()


@contextmanager
def _roles_named_after_database(settings: Settings) -> Iterator[str]:
    """Name roles after the database of the settings, and yield its name."""
    assert settings.migration_database_url is not None, "MIGRATION_DATABASE_URL is required to migrate"
    database = urlsplit(str(settings.migration_database_url)).path.lstrip("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", database):
        raise ValueError(
            f"{database!r}: use lower-case letters, digits and _ in a database's name, because roles are named after it"
        )
    token = _database.set(database)
    try:
        yield database
    finally:
        _database.reset(token)


async def _connect_as_admin(settings: Settings) -> asyncpg.Connection:
    address = urlsplit(str(settings.migration_database_url))
    return await connect(address._replace(path="/postgres").geturl(), settings)


def _reject_newer_schema(connection: Connection, migrations: Path, service: str) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    current = context.get_current_revision()
    known = past_revisions(migrations, service) | {newest_revision(migrations, service), None}
    if current not in known:
        raise DowngradeNotSupported(
            f"The database of {service} is at revision {current}, which this version does not have: a newer version "
            "has migrated it. Downgrades are not supported: run the newer version, or restore a backup."
        )


async def with_owner_connection(settings: Settings, run: Callable[[Connection], None]) -> None:
    """Call `run` with a connection that acts as the owner of the database, while no other migration runs."""

    async def open_connection() -> asyncpg.Connection:
        return await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))

    engine = create_async_engine("postgresql+asyncpg://", async_creator=open_connection)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("select pg_advisory_lock(1380011089)")
            owner = (await connection.exec_driver_sql(_OWNER)).scalar_one()
            await connection.exec_driver_sql(f"set role {owner}")
            await connection.exec_driver_sql(f"set lock_timeout = '{LOCK_TIMEOUT}'")
            await connection.commit()
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await engine.dispose()


def run_environment() -> None:
    """Run Alembic on the connection that `migrate` provides. Called by a service's `migrations/env.py`."""
    from alembic import context

    connection = context.config.attributes.get("connection")
    if connection is None:
        raise DowngradeNotSupported("Run `rapport migrate`. Downgrades are not supported: restore a backup to go back.")
    context.configure(
        connection=connection,
        version_table_schema=SCHEMA,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.exec_driver_sql(f"create schema if not exists {SCHEMA}")
        context.run_migrations()


def _config(migrations: Path, service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["service"] = service
    return config


def newest_revision(migrations: Path, service: str) -> str | None:
    """Return the revision that the code needs."""
    return ScriptDirectory.from_config(_config(migrations, service)).get_current_head()


def past_revisions(migrations: Path, service: str) -> set[str]:
    """Return the revisions before the newest."""
    script = ScriptDirectory.from_config(_config(migrations, service))
    return {item.revision for item in script.walk_revisions()} - set(script.get_heads())


def run(settings: Settings, service: str, migrations: Path) -> None:
    """Run `migrate` from synchronous code."""
    asyncio.run(migrate(settings, service, migrations))
