"""Migrations: the database, its roles, the chassis' tables, and the rules that every tenant's table gets.

A NOLOGIN role owns every table; the service's two logins own nothing and cannot pass row-level security. So FORCE is
not needed, a migration's backfill sees all rows, and a SECURITY DEFINER function of the owner may look across.
"""

import asyncio
import importlib.resources
import re
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, MetaData, String
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import AutoString

from chassis.database import connect, tls_of
from chassis.settings import Settings
from chassis.tables import CURRENT_TENANT, SCHEMA
from chassis.telemetry import log

LOCK_TIMEOUT = "5s"


_database: ContextVar[str] = ContextVar("database")
"""The database that is being migrated: roles belong to the whole cluster, so its name leads theirs."""


def owner_of(service: str) -> str:
    """The role that owns a service's tables."""
    return f"{_database.get(f'rapport_{service}')}_owner"


def api_of(service: str) -> str:
    """The group that the API's login is in."""
    return f"{_database.get(f'rapport_{service}')}_api"


def worker_of(service: str) -> str:
    """The group that the worker's login is in."""
    return f"{_database.get(f'rapport_{service}')}_worker"


class NoWayDown(Exception):
    """Somebody asks for older tables, or code meets newer ones than it knows; the text tells what to do."""


# Called by migration files


def secure(table: str, service: str, *, append_only: bool = False) -> None:
    """Makes a table a tenant's: row-level security, and what the logins may do with it.

    append_only: rows are added and never changed or removed.
    """
    rights = "select, insert" if append_only else "select, insert, update, delete"
    # The column stands bare in the policy: a cast would keep it from its indexes. The tenant stands in a sub-select, so
    # that a plan is made for a tenant of the usual size (docs/decisions/0015-the-planner-and-the-tenant.md).
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"create policy tenant on {table} using (tenant_id = (select {CURRENT_TENANT}))")
    op.execute(f"grant {rights} on {table} to {api_of(service)}, {worker_of(service)}")


def create_chassis_tables(service: str) -> None:
    """The tables that every service stands on. The API may insert into the outbox and no more."""
    script = importlib.resources.files("chassis").joinpath("tables.sql").read_text()
    for name, value in {
        "schema": SCHEMA,
        "current_tenant": CURRENT_TENANT,
        "api": api_of(service),
        "worker": worker_of(service),
    }.items():
        script = script.replace(f"<{name}>", value)
    for statement in script.split(";\n\n"):
        op.execute(statement)


# Called by `rapport migrate`


async def provision(settings: Settings, service: str) -> None:
    """Makes the database and the roles where they are missing, and sets the logins' passwords."""
    admin = settings.migration_database_url
    assert admin is not None, "MIGRATION_DATABASE_URL is needed to migrate"
    address = urlsplit(str(admin))
    database = address.path.lstrip("/")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", database):
        raise ValueError(
            f"{database!r}: name databases by lower-case letters, digits and _, for roles are named after them"
        )
    _database.set(database)
    connection = await connect(address._replace(path="/postgres").geturl(), settings)
    try:
        await connection.execute("select pg_advisory_lock(1380011088)")  # roles belong to the whole cluster
        for role in (owner_of(service), api_of(service), worker_of(service)):
            await _ensure_role(connection, role)
        await connection.execute(f"grant {owner_of(service)} to current_user")
        for url, group in ((settings.database_url, api_of), (settings.worker_database_url, worker_of)):
            if url is not None:
                await _ensure_login(connection, str(url), group(service))
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}" owner {owner_of(service)}')
        logins = f"{api_of(service)}, {worker_of(service)}"
        await connection.execute(f'revoke all on database "{database}" from public')
        await connection.execute(f'grant connect, temporary on database "{database}" to {logins}')
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


async def migrate(settings: Settings, service: str, migrations: Path) -> None:
    """Brings a service's database to the newest revision. Many may try at once; one does.

    Raises NoWayDown when the database is newer than this code.
    """
    await provision(settings, service)

    def run(connection: Connection) -> None:
        _refuse_newer(connection, migrations, service)
        config = _config(migrations, service)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    await _with_connection(settings, service, run)
    log.info("migrated", service=service, revision=newest_revision(migrations, service))


def _refuse_newer(connection: Connection, migrations: Path, service: str) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    stands = context.get_current_revision()
    known = older_revisions(migrations, service) | {newest_revision(migrations, service), None}
    if stands not in known:
        raise NoWayDown(
            f"The database of {service} stands at revision {stands}, which this code does not know: a newer version "
            "has migrated it. There is no way down: run the newer version, or restore a backup."
        )


async def _with_connection(settings: Settings, service: str, run: Callable[[Connection], None]) -> None:
    async def open_one() -> asyncpg.Connection:
        return await asyncpg.connect(str(settings.migration_database_url), **tls_of(settings))

    engine = create_async_engine("postgresql+asyncpg://", async_creator=open_one)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("select pg_advisory_lock(1380011089)")
            await connection.exec_driver_sql(f"set role {owner_of(service)}")
            await connection.exec_driver_sql(f"set lock_timeout = '{LOCK_TIMEOUT}'")
            await connection.commit()
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await engine.dispose()


def run_environment() -> None:
    """What a service's `migrations/env.py` calls: Alembic on the connection that `migrate` gives it."""
    from alembic import context

    connection = context.config.attributes.get("connection")
    if connection is None:
        raise NoWayDown("Tables are migrated by `rapport migrate`, and only upwards: to go back, restore a backup.")
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
    """The revision that the code needs."""
    return ScriptDirectory.from_config(_config(migrations, service)).get_current_head()


def older_revisions(migrations: Path, service: str) -> set[str]:
    """The revisions before it."""
    script = ScriptDirectory.from_config(_config(migrations, service))
    return {one.revision for one in script.walk_revisions()} - set(script.get_heads())


async def differences(settings: Settings, service: str, metadata: MetaData) -> list[object]:
    """What the migrated database and the models disagree about; empty when they are the same."""
    from alembic.autogenerate import compare_metadata

    found: list[object] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(
            connection, opts={"compare_type": _compare_type, "version_table_schema": SCHEMA}
        )
        found.extend(compare_metadata(context, metadata))
        found.extend(_checks_that_differ(connection, metadata))  # Alembic does not compare these

    await _with_connection(settings, service, compare)
    return found


def _checks_that_differ(connection: Connection, metadata: MetaData) -> list[object]:
    """CHECK constraints by name that only the models or only the database know."""
    wanted = {
        str(connection.dialect.identifier_preparer.format_constraint(one))
        for table in metadata.tables.values()
        for one in table.constraints
        if isinstance(one, CheckConstraint)
    }
    rows = connection.exec_driver_sql(
        "select conname from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace"
    )
    stands = {row[0] for row in rows}
    return [("check", name) for name in sorted(wanted ^ stands)]


def _compare_type(_: object, __: object, ___: object, stands: object, wanted: object) -> bool | None:
    """Text is text, whether a model says `str` or a migration says TEXT; all else is for Alembic to say."""
    text = (String, AutoString)
    return False if isinstance(stands, text) and isinstance(wanted, text) else None


def run(settings: Settings, service: str, migrations: Path) -> None:
    """`migrate` for a command."""
    asyncio.run(migrate(settings, service, migrations))
