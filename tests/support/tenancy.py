"""Isolation rules for every table, view and function of a service, checked in PostgreSQL's catalogs.

New tables are checked automatically, because the rules do not name tables.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from chassis.service import load
from chassis.types.ids import uuid7
from local.data_dir import DataDir
from tests.support.service import settings_of

POLICY = "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS \"nullif\"))"
LOOKED_UP_BEFORE_ANYONE_KNOWS_WHOSE = {"ix_api_key_id", "ix_webhook_lane_due_at", "uq_issuer_url_id_audience"}
LOOK_ACROSS_TENANTS = {
    "runnable_jobs",
    *("counts", "count_orphans", "applied_tallies", "published_tallies", "purge_tenant"),
    *("claim_webhook_lanes", "hold_webhook_lanes", "release_webhook_lanes", "webhook_endpoints_of"),
    *("load_deliveries", "record_delivery_attempts", "count_webhook_backlog", "find_request_limits", "lease_tokens"),
    *("find_api_key", "find_api_keys", "find_issuers", "find_tenants", "list_tenants", "note_key_use"),
    "count_authentication_failures",
    "find_visited_tenants",
}
"""The functions across tenants in docs/architecture.md, such as counts and the lookup of a key."""


@asynccontextmanager
async def tried_as_superuser(data_dir: DataDir, service: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a transaction that is rolled back, including any new tables."""
    connection = await asyncpg.connect(str(settings_of(data_dir, load(service)).migration_database_url))
    attempt = connection.transaction()
    try:
        await attempt.start()
        await connection.execute("set local lock_timeout = '10s'")
        yield connection
    finally:
        await attempt.rollback()
        await connection.close()


@asynccontextmanager
async def as_login(connection: asyncpg.Connection, login: str, tenant: UUID | None) -> AsyncIterator[None]:
    """Continue the transaction as that login and tenant. The changes of the block are rolled back."""
    attempt = connection.transaction()  # nested, so a savepoint
    await attempt.start()
    try:
        await connection.execute(f"set local session authorization {login}")
        await connection.execute("select set_config('app.tenant', $1, true)", str(tenant or ""))
        yield
    finally:
        await attempt.rollback()


async def tables_of(connection: asyncpg.Connection, schema: str = "public") -> list[str]:
    """Return the tables of a schema."""
    rows = await connection.fetch(
        "select quote_ident($1) || '.' || quote_ident(relname) as name from pg_class "
        "where relkind in ('r', 'p', 'm', 'f') and relnamespace = $1::regnamespace order by 1",
        schema,
    )
    return [row["name"] for row in rows]


# Rows

VALUES = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "bigint": "1",
    "integer": "1",
    "real": "1",
    "double precision": "1",
    "numeric": "1",
    "boolean": "true",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "json": "'{}'",
    "jsonb": "'{}'",
    "bytea": "'x'",
    "text[]": "'{}'",
}
"""A value for each column type."""


async def fill_every_table(connection: asyncpg.Connection, *tenants: UUID) -> None:
    """Insert a row of each tenant into every table, for any columns. Check constraints are dropped first."""
    await connection.execute("set local session_replication_role = 'replica'")  # no foreign keys
    checks = await connection.fetch(
        "select conrelid::regclass as on_table, conname from pg_constraint where contype = 'c' and conrelid <> 0 "
        "and connamespace in ('public'::regnamespace, 'chassis'::regnamespace)"
    )
    for check in checks:
        await connection.execute(f'alter table {check["on_table"]} drop constraint "{check["conname"]}"')
    for table in [*await tables_of(connection), *await tables_of(connection, "chassis")]:
        for tenant in tenants:
            await insert_anything(connection, table, tenant)


async def insert_anything(connection: asyncpg.Connection, table: str, tenant: UUID) -> None:
    """Insert a row of that tenant into a table, if it has a tenant column."""
    types = await _needed_columns(connection, table)
    if "tenant_id" in types:
        values = {name: VALUES[type] for name, type in types.items()} | {"tenant_id": f"'{tenant}'"}
        names = ", ".join(f'"{name}"' for name in values)
        await connection.execute(f"insert into {table} ({names}) values ({', '.join(values.values())})")


async def _needed_columns(connection: asyncpg.Connection, table: str) -> dict[str, str]:
    rows = await connection.fetch(
        "select attname as name, format_type(atttypid, null) as type from pg_attribute "
        "where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = '' "
        "and attidentity = '' and (attname = 'tenant_id' or attnotnull and not atthasdef)",
        table,
    )
    return {row["name"]: row["type"] for row in rows}


# Weaknesses


async def weaknesses_of(connection: asyncpg.Connection) -> list[str]:
    """Return the weaknesses that reveal rows of other tenants or make a lookup read them all. None is expected."""
    rows = await connection.fetch(
        _WEAKNESSES, POLICY, list(LOOKED_UP_BEFORE_ANYONE_KNOWS_WHOSE), list(LOOK_ACROSS_TENANTS)
    )
    return [row["weakness"] for row in rows]


_WEAKNESSES = """
    with stands as (
        select oid, relname as name, relkind, relrowsecurity, reloptions from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'm', 'f', 'v')
    ),
    tables as (select * from stands where relkind in ('r', 'p')),
    functions as (
        select pg_proc.* from pg_proc
        where pronamespace in ('public'::regnamespace, 'chassis'::regnamespace) and prosecdef
    ),
    columns as (select attrelid, attnum, attname from pg_attribute)

    select name || ' has no row-level security' as weakness from tables where not relrowsecurity
    union all
    select name || ' has no policy' from tables where not exists (select from pg_policy where polrelid = tables.oid)
    union all
    select name || ' has another policy than that of the tenant: ' || polname
    from tables join pg_policy on polrelid = tables.oid
    where pg_get_expr(polqual, polrelid) is distinct from $1
       or coalesce(pg_get_expr(polwithcheck, polrelid), $1) <> $1
    union all
    select name || ' has no primary key'
    from tables where not exists (select from pg_index where indrelid = tables.oid and indisprimary)
    union all
    select name || ' has an index that does not begin with the tenant: ' || indexrelid::regclass
    from tables join pg_index on indrelid = tables.oid
    left join columns on attrelid = indrelid and attnum = indkey[0]
    where attname is distinct from 'tenant_id' and indexrelid::regclass::text <> all ($2)
    union all
    select name || ' refers to another table without the tenant: ' || conname
    from tables join pg_constraint on conrelid = tables.oid and contype = 'f'
    left join columns as mine on mine.attrelid = conrelid and mine.attnum = conkey[1]
    left join columns as theirs on theirs.attrelid = confrelid and theirs.attnum = confkey[1]
    where (mine.attname, theirs.attname) is distinct from ('tenant_id', 'tenant_id')
    union all
    select name || ' shows its tables as its owner sees them' from stands
    where relkind in ('m', 'f') or relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false)
    union all
    select proname || ' finds its tables by the path of its caller' from functions
    where not exists (select from unnest(proconfig) as setting where setting like 'search_path=%, pg_temp')
    union all
    select proname || ' looks across tenants' from functions
    where proname <> all ($3) and position('tenant_id = (select nullif(current_setting(''app.tenant''' in prosrc) = 0
    union all
    select proname || ' may be called by everybody' from functions
    where has_function_privilege('public', oid, 'execute')
"""


def two_tenants() -> tuple[UUID, UUID]:
    """Return two new tenant ids."""
    return uuid7(), uuid7()
