"""Migrations: the chassis' tables, the security of every tenant's table, and the newest revision of a database."""

import asyncio
import importlib.resources
from collections.abc import Callable
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.db.grants import recorded_grants, repeat_grants
from chassis.db.pool import tls_options
from chassis.db.provisioning import api_role, provision, roles_named_after_database, worker_role
from chassis.db.tables import CURRENT_TENANT, SCHEMA

LOCK_TIMEOUT = "5s"
MIGRATION_LOCK = 1380011089
"""The advisory lock of a database that a migration holds."""
_OWNER = "select datdba::regrole::text from pg_database where datname = current_database()"


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


def create_job_table(service: str) -> None:
    """Create the table of jobs, and the function by which the worker finds them."""
    states = "'ready', 'queued', 'running', 'paused', 'cancelled', 'succeeded', 'failed'"
    create_tenant_table(
        "job",
        service,
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(), nullable=True),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", postgresql.JSONB(), nullable=True),
        sa.Column("follows", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"state in ({states})", name="ck_job_state"),
        append_only=False,
    )
    for columns in (("kind", "created_at", "id"), ("follows",), ("finished_at", "id")):
        op.create_index(f"ix_job_tenant_id_{'_'.join(columns)}", "job", ["tenant_id", *columns])
    active = sa.text("state in ('queued', 'running')")
    op.create_index("ix_job_runnable", "job", ["tenant_id", "id"], postgresql_where=active)
    op.execute("""
        create function runnable_jobs(kinds text[], out tenant_id uuid, out id uuid) returns setof record
        language sql stable security definer set search_path = public, pg_temp as $$
            select distinct on (tenant_id) tenant_id, id from job
            where state in ('queued', 'running') and kind = any(kinds) and coalesce(retry_at <= now(), true)
            order by tenant_id, id limit 1000
        $$
    """)
    op.execute("revoke all on function runnable_jobs(text[]) from public")
    op.execute(f"grant execute on function runnable_jobs(text[]) to {worker_role(service)}")


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


def add_settled_tenants(service: str) -> None:
    """Record with which facts of a tenant the periodic tasks have run, and limit the counts of the status."""
    _run_script("settled_tenants.sql", service)


def add_redirects(service: str) -> None:
    """Keep the merges of persons, and the rows that they moved."""
    _run_script("redirects.sql", service)


def add_erasure(service: str) -> None:
    """Remember erased persons, and let the worker erase the rows about them and the texts of their events."""
    _run_script("erasure.sql", service)


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


async def migrate(settings: Settings, service: str, migrations: Path, *, logins: bool = True) -> None:
    """Bring a service's database to the newest revision. Concurrent calls wait for each other.

    On a database that exists, the owners and rights are repaired. Raises DowngradeNotSupported if the database is newer
    than this code, and RestoreNotFinished if a restore was interrupted.
    """
    await provision(settings, service, logins=logins)

    def run(connection: Connection) -> None:
        is_new = _reject_newer_schema(connection, migrations, service) is None
        config = _config(migrations, service)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.exec_driver_sql(_VACUUM_OUTBOX_OFTEN)
        if not is_new:
            repeat_grants(connection, recorded_grants(_history(config)))

    with roles_named_after_database(settings):
        await with_owner_connection(settings, run)
    log.info("migrated", service=service, revision=newest_revision(migrations, service))


def _reject_newer_schema(connection: Connection, migrations: Path, service: str) -> str | None:
    """Return the current revision, which is None in a new database."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    current = context.get_current_revision()
    known = known_revisions(migrations, service) | {None}
    if current not in known:
        raise DowngradeNotSupported(
            f"The database of {service} is at revision {current}, which this version does not have: a newer version "
            "has migrated it. Downgrades are not supported: run the newer version, or restore a backup."
        )
    return current


def _history(config: Config) -> list[Script]:
    """Return the revisions, oldest first."""
    return list(ScriptDirectory.from_config(config).walk_revisions())[::-1]


async def with_owner_connection(settings: Settings, run: Callable[[Connection], None]) -> None:
    """Call `run` with a connection that acts as the owner of the database, while no other migration runs."""

    async def open_connection() -> asyncpg.Connection:
        return await asyncpg.connect(str(settings.migration_database_url), **tls_options(settings))

    engine = create_async_engine("postgresql+asyncpg://", async_creator=open_connection)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"select pg_advisory_lock({MIGRATION_LOCK})")
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


def known_revisions(migrations: Path, service: str) -> set[str]:
    """Return every revision that this code can migrate."""
    return {script.revision for script in _history(_config(migrations, service))}


def past_revisions(migrations: Path, service: str) -> set[str]:
    """Return the revisions before the newest."""
    script = ScriptDirectory.from_config(_config(migrations, service))
    return {item.revision for item in script.walk_revisions()} - set(script.get_heads())


def run(settings: Settings, service: str, migrations: Path) -> None:
    """Run `migrate` from synchronous code."""
    asyncio.run(migrate(settings, service, migrations))
