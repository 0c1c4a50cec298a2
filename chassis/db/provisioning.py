"""Provisioning: a service's database, its owner and its logins. Roles are named after the database.

A NOLOGIN role owns every table. The service's two logins own nothing and are subject to row-level security, so FORCE is
not needed: a migration's backfill sees all rows, and a SECURITY DEFINER function of the owner may read across tenants.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from urllib.parse import unquote, urlsplit

import asyncpg

from chassis.core.settings import Settings
from chassis.core.telemetry import log
from chassis.db.grants import give_to_owner
from chassis.db.pool import connect

MAX_STATEMENT_SECONDS = 3600.0
"""A large database is not dropped within the time limit of a request's statement."""
_ROLES_LOCK = 1380011088

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


class RestoreNotFinished(Exception):
    """A restore of the database was interrupted. The text says what to do."""


async def provision(settings: Settings, service: str, *, logins: bool = True) -> None:
    """Create the database and the roles if they do not exist, and set the passwords of the logins.

    On a database that exists, the owner of the database and of its objects is repaired.
    """
    async with admin_connection(settings) as (connection, database):
        await _reject_unfinished_restore(connection, database)
        await ensure_roles(connection, settings, service, logins=logins)
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}"')
        await set_database_rights(connection, service, database)
        connected = await connect(str(settings.migration_database_url), settings)
        try:
            repaired = await give_to_owner(connected, owner_role(service))
        finally:
            await connected.close()
        if repaired:
            log.warning("repaired the owner of objects", service=service, objects=repaired)


@asynccontextmanager
async def admin_connection(settings: Settings) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """Yield a connection that may create roles and databases, and the name of the service's database.

    Other processes that want the same wait.
    """
    with roles_named_after_database(settings) as database:
        address = urlsplit(str(settings.migration_database_url))._replace(path="/postgres")
        settings = settings.model_copy(update={"database_statement_seconds": MAX_STATEMENT_SECONDS})
        connection = await connect(address.geturl(), settings)
        try:
            await connection.execute("set lock_timeout = '60s'")
            await connection.execute(f"select pg_advisory_lock({_ROLES_LOCK})")  # roles belong to the whole cluster
            yield connection, database
        finally:
            await connection.close()


async def ensure_roles(
    connection: asyncpg.Connection, settings: Settings, service: str, *, logins: bool = True
) -> None:
    """Create the roles and logins of a service that do not exist, and set the passwords of the logins."""
    for role in (owner_role(service), api_role(service), worker_role(service)):
        await _ensure_role(connection, role)
    await connection.execute(f"grant {owner_role(service)} to current_user")
    for url, group in ((settings.database_url, api_role), (settings.worker_database_url, worker_role)):
        if logins and url is not None:
            await _ensure_login(connection, str(url), group(service))


async def set_database_rights(connection: asyncpg.Connection, service: str, database: str) -> None:
    """Set the owner of a database, and let no role but the service's connect."""
    await connection.execute(f'alter database "{database}" owner to {owner_role(service)}')
    groups = f"{api_role(service)}, {worker_role(service)}"
    await connection.execute(f'revoke all on database "{database}" from public')
    await connection.execute(f'grant connect, temporary on database "{database}" to {groups}')


def restoring_name(database: str) -> str:
    """Return the name of the database in which a restore is prepared."""
    return f"{database}_restoring"


async def _reject_unfinished_restore(connection: asyncpg.Connection, database: str) -> None:
    prepared = restoring_name(database)
    if await connection.fetchval("select 1 from pg_database where datname = $1", prepared):
        raise RestoreNotFinished(
            f"A restore of {database} was interrupted. Repeat `rapport restore DIR --replace`. If the database "
            f"{database} still exists and its contents are to be kept, run `drop database {prepared}` instead."
        )


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


async def drop_database(settings: Settings, service: str) -> None:
    """Drop a scratch database and the roles that are named after it."""
    async with admin_connection(settings) as (connection, database):
        await connection.execute(f'drop database if exists "{database}" with (force)')
        for role in (owner_role(service), api_role(service), worker_role(service)):
            await connection.execute(f"drop role if exists {role}")


@contextmanager
def roles_named_after_database(settings: Settings) -> Iterator[str]:
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
