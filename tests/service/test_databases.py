"""Tenant isolation in the databases: every table of every service is tested, including new tables.

Each test runs as the login that it names, in a transaction of the superuser that is rolled back.
"""

import asyncpg
import pytest

from chassis.service import load
from local import PROCESSES
from local.data_dir import DataDir
from tests.support.service import settings_of
from tests.support.tenancy import (
    as_login,
    fill_every_table,
    insert_anything,
    tables_of,
    tried_as_superuser,
    two_tenants,
    weaknesses_of,
)

LOGINS = [f"{service}_{role}" for service in PROCESSES for role in ("api", "worker")]

CHASSIS_RIGHTS = {
    "api": {
        "alembic_version": "select",
        "tenant": "select",
        "outbox": "insert",
        "idempotency": "select insert",
        "audit": "select insert",
        "erased_person": "select",
    },
    "worker": {
        "alembic_version": "select",
        "tenant": "select insert update delete",
        "deleted_tenant": "select insert update",
        "outbox": "select insert update delete",
        "published_event": "select insert update delete",
        "inbox": "select insert delete",
        "backlog": "select insert delete",
        "dead_letter": "select insert update delete",
        "idempotency": "select update delete",
        "audit": "select insert",
        "erased_person": "select insert update",
    },
}
OF_MERGES = {
    "merge": "select insert update",
    "moved_row": "select insert update delete",
    "redirect": "select insert update delete",
}
"""The same for both logins of a service that follows merges of customers, which the gateway does not."""
"""Exactly the rights that docs/architecture.md grants in the schema `chassis`."""
RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain")
COUNTS = {
    "counts",
    "tenant_counts",
    "published_tallies",
    "applied_tallies",
    "purge_tenant",
    "reject_erased",
    "erase_rows",
}
OF_CUSTOM_FIELDS = {
    *("custom_fields_are_current", "custom_field_misfits", "custom_value_fits", "custom_value_key", "custom_text"),
    "index_custom_fields",
}
OF_KEYS = {
    "find_api_key",
    "find_api_keys",
    "find_issuers",
    "find_visited_tenants",
    "find_request_limits",
    "note_key_use",
    "count_authentication_failures",
}
OF_WEBHOOKS = {
    *("claim_webhook_lanes", "hold_webhook_lanes", "release_webhook_lanes"),
    *("webhook_endpoints_of", "load_deliveries", "record_delivery_attempts"),
}
OF_DUPLICATES = {"lock_contact_points", "are_new_contact_points"}
FUNCTIONS = {
    "customers": {
        *(*COUNTS, *OF_CUSTOM_FIELDS, *OF_DUPLICATES, "runnable_jobs", "search_customers", "remove_unused_words"),
        "clear_removed_history",
    },
    "interactions": {*COUNTS, "count_orphans", "runnable_jobs", "search_touch_points"},
    "loyalty": COUNTS,
    "analytics": COUNTS,
    "gateway": {
        *(*COUNTS, *OF_KEYS, *OF_WEBHOOKS, "lease_tokens", "find_tenants", "list_tenants", "count_webhook_backlog"),
    },
}
"""The product's own functions that a service's logins may call."""
NOT_FOR_THE_WORKER = OF_KEYS | {"lease_tokens"}
NOT_FOR_THE_API = {
    *("find_tenants", "list_tenants", "purge_tenant", "erase_rows", "runnable_jobs", "clear_removed_history"),
    *OF_WEBHOOKS,
}


def service_of(login: str) -> str:
    return login.rpartition("_")[0]


def url_of(database: DataDir, login: str) -> str:
    settings = settings_of(database, load(service_of(login)))
    return str(settings.database_url if login.endswith("_api") else settings.worker_database_url)


@pytest.fixture(params=LOGINS)
def login(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Rows


async def test_a_login_sees_its_tenants_rows_and_without_a_tenant_none(database: DataDir, login: str) -> None:
    one, other = two_tenants()
    async with tried_as_superuser(database, service_of(login)) as connection:
        await fill_every_table(connection, one, other)
        tables = await tables_of(connection)
        assert tables
        for table in tables:
            of_one = f"select tenant_id = '{one}' as mine, count(*) as rows from {table} group by 1"
            assert await connection.fetchval(f"select count(distinct tenant_id) from {table}") >= 2, table
            async with as_login(connection, login, None):
                assert await connection.fetch(of_one) == [], table
            async with as_login(connection, login, one):
                assert [(row["mine"], row["rows"]) for row in await connection.fetch(of_one)] == [(True, 1)], table


async def test_a_login_without_any_setting_sees_nothing(database: DataDir, login: str) -> None:
    """On a new connection to PostgreSQL, `app.tenant` has never been set."""
    connection = await asyncpg.connect(url_of(database, login))
    try:
        assert await connection.fetchval("select session_user") == login
        assert await connection.fetchval("select current_setting('app.tenant', true)") is None
        for table in await tables_of(connection):
            assert await connection.fetchval(f"select count(*) from {table}") == 0, table
    finally:
        await connection.close()


async def test_a_login_writes_nothing_of_another_tenant(database: DataDir, login: str) -> None:
    one, other = two_tenants()
    async with tried_as_superuser(database, service_of(login)) as connection:
        await fill_every_table(connection, one, other)
        for table in await tables_of(connection):
            async with as_login(connection, login, one):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await insert_anything(connection, table, other)
            for statement in (
                f"update {table} set tenant_id = tenant_id where tenant_id = '{other}'",
                f"delete from {table} where tenant_id = '{other}'",
                f"select from {table} where tenant_id = '{other}' for update",
            ):
                assert await done_by(connection, login, one, statement) in (None, 0), statement
            # The policy or a missing right rejects moving its own row to another tenant.
            assert await done_by(connection, login, one, f"update {table} set tenant_id = '{other}'") is None, table


async def done_by(connection: asyncpg.Connection, login: str, tenant: object, statement: str) -> int | None:
    """Return the number of rows that a statement of that login affects, or None if it is rejected."""
    async with as_login(connection, login, tenant):  # type: ignore[arg-type]
        try:
            tag = await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return None
        return int(tag.rpartition(" ")[2])
    raise AssertionError("unreachable")


async def test_the_apis_login_sees_nothing_of_others_in_the_chassis_tables(database: DataDir, login: str) -> None:
    """The worker's login sees the rows of all tenants, except in the audit."""
    one, other = two_tenants()
    role = login.rpartition("_")[2]
    async with tried_as_superuser(database, service_of(login)) as connection:
        await fill_every_table(connection, one, other)
        for table, rights in CHASSIS_RIGHTS[role].items():
            if "select" not in rights or table == "alembic_version" or (role == "worker" and table != "audit"):
                continue
            async with as_login(connection, login, None):
                assert await connection.fetchval(f"select count(*) from chassis.{table}") == 0, table
            async with as_login(connection, login, one):
                seen = await connection.fetch(f"select distinct tenant_id from chassis.{table}")
                assert [row["tenant_id"] for row in seen] == [one], table
        for table in [name for name, rights in CHASSIS_RIGHTS[role].items() if "insert" in rights]:
            if role == "api" or table == "audit":
                async with as_login(connection, login, one):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await insert_anything(connection, f"chassis.{table}", other)


# Rights


async def test_a_login_may_do_in_the_chassis_tables_what_is_written_down(database: DataDir, login: str) -> None:
    async with tried_as_superuser(database, service_of(login)) as connection:
        rows = await connection.fetch(
            """
            select relname, string_agg(right_name, ' ' order by place) as rights
            from pg_class, unnest($2::text[]) with ordinality as rights(right_name, place)
            where relnamespace = 'chassis'::regnamespace and relkind not in ('i', 't', 'S', 'c')
              and (has_table_privilege($1, pg_class.oid, right_name)
                   or right_name in ('select', 'insert', 'update', 'references')
                   and has_any_column_privilege($1, pg_class.oid, right_name))
            group by relname
            """,
            login,
            list(RIGHTS),
        )
        sequences = await connection.fetch(
            "select oid::regclass from pg_class where relkind = 'S' "
            "and (has_sequence_privilege($1, oid, 'usage') or has_sequence_privilege($1, oid, 'update'))",
            login,
        )
    rights = CHASSIS_RIGHTS[login.rpartition("_")[2]] | (OF_MERGES if service_of(login) != "gateway" else {})
    assert {row["relname"]: row["rights"] for row in rows} == rights
    assert sequences == []


async def test_a_login_reads_and_writes_rows_and_does_nothing_else_to_tables(database: DataDir, login: str) -> None:
    async with tried_as_superuser(database, service_of(login)) as connection:
        for table in await tables_of(connection):
            for statement in (
                f"alter table {table} disable row level security",
                f"alter table {table} no force row level security",
                f"drop policy tenant on {table}",
                f"create policy every on {table} using (true)",
                f"truncate {table}",
                f"drop table {table}",
                f"create index on {table} (tenant_id)",
            ):
                async with as_login(connection, login, None):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement)


async def test_a_login_owns_nothing_and_makes_nothing(database: DataDir, login: str) -> None:
    service = service_of(login)
    group = f"rapport_{login}"
    async with tried_as_superuser(database, service) as connection:
        flags = await connection.fetchrow("select * from pg_roles where rolname = $1", login)
        assert flags is not None
        rights = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
        assert not [right for right in rights if flags[right]]
        owned = await connection.fetch(
            "select pg_describe_object(classid, objid, objsubid) from pg_shdepend "
            "where refclassid = 'pg_authid'::regclass and deptype = 'o' "
            "and refobjid in ($1::text::regrole, $2::text::regrole)",
            login,
            group,
        )
        assert owned == []  # tables, schemas, functions, in any database
        roles = await connection.fetch("select rolname from pg_roles where pg_has_role($1, oid, 'member')", login)
        assert {row["rolname"] for row in roles} == {login, group}
        places = await connection.fetch(
            "select nspname from pg_namespace where has_schema_privilege($1, oid, 'create')", login
        )
        assert [row["nspname"] for row in places if not row["nspname"].startswith("pg_temp_")] == []
        assert not await connection.fetchval("select has_database_privilege($1, current_database(), 'create')", login)


async def test_a_login_calls_the_functions_that_are_written_down(database: DataDir, login: str) -> None:
    service = service_of(login)
    async with tried_as_superuser(database, service) as connection:
        rows = await connection.fetch(
            """
            select proname from pg_proc
            where pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
              and has_function_privilege($1, oid, 'execute')
              and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
            """,
            login,
        )
    left_out = NOT_FOR_THE_WORKER if login.endswith("_worker") else NOT_FOR_THE_API
    assert {row["proname"] for row in rows} == FUNCTIONS[service] - left_out


async def test_a_login_becomes_nobody_else(database: DataDir, login: str) -> None:
    connection = await asyncpg.connect(url_of(database, login))
    try:
        roles = await connection.fetch("select rolname from pg_roles where rolname !~ '^pg_'")
        others = {row["rolname"] for row in roles} - {login, f"rapport_{login}"}
        assert others > {f"rapport_{service_of(login)}_owner"}
        for other in sorted(others):
            for statement in (f"set role {other}", f"set session authorization {other}", f"grant {other} to {login}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_login_comes_into_its_own_database_only(database: DataDir, login: str) -> None:
    own = service_of(login)
    for service in PROCESSES:
        if service != own:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(url_of(database, login).removesuffix(own) + service)


async def test_a_search_looks_into_its_own_tenant(database: DataDir) -> None:
    """The function runs as the owner, to which no policy applies."""
    one, other = two_tenants()
    async with tried_as_superuser(database, "customers") as connection:
        await fill_every_table(connection, one, other)
        await connection.execute("update customer set search_words = '{ada}' where tenant_id = any($1)", [one, other])
        await connection.execute("update name_word set word = 'ada' where tenant_id = any($1)", [one, other])
        mine = await connection.fetchval("select id from customer where tenant_id = $1", one)
        for tenant, found in ((one, [mine]), (None, [])):
            async with as_login(connection, "customers_api", tenant):
                rows = await connection.fetch("select id from search_customers('{ada}', 10, 0.6)")
                assert [row["id"] for row in rows] == found


async def test_unused_words_are_removed_in_their_own_tenant(database: DataDir) -> None:
    """The function runs as the owner, to which no policy applies."""
    one, other = two_tenants()
    async with tried_as_superuser(database, "customers") as connection:
        await fill_every_table(connection, one, other)
        async with as_login(connection, "customers_worker", one):
            assert await connection.fetchval("select remove_unused_words(10)") == 1
            assert await connection.fetchval("select count(*) from name_word") == 0
        async with as_login(connection, "customers_worker", other):
            assert await connection.fetchval("select count(*) from name_word") == 1


# Required properties of tables


@pytest.mark.parametrize("service", PROCESSES)
async def test_nothing_in_a_database_lets_tenants_see_one_another(database: DataDir, service: str) -> None:
    async with tried_as_superuser(database, service) as connection:
        assert await weaknesses_of(connection) == []


SOUND = (
    "create table card (tenant_id uuid not null, id uuid, wallet uuid, primary key (tenant_id, id))",
    "alter table card enable row level security",
    "create policy tenant on card using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))",
)


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        ([SOUND[0]], ["card has no row-level security", "card has no policy"]),
        ([*SOUND, "alter table card disable row level security"], ["card has no row-level security"]),
        ([*SOUND, "drop policy tenant on card"], ["card has no policy"]),
        (
            [*SOUND, "create policy every on card using (true)"],
            ["card has another policy than that of the tenant: every"],
        ),
        (
            [*SOUND, "alter policy tenant on card with check (true)"],
            ["card has another policy than that of the tenant: tenant"],
        ),
        ([*SOUND, "alter table card drop constraint card_pkey"], ["card has no primary key"]),
        (
            [*SOUND, "create unique index ix_card on card (id, tenant_id)"],
            ["card has an index that does not begin with the tenant: ix_card"],
        ),
        (
            [*SOUND, "create index ix_card on card ((id::text))"],
            ["card has an index that does not begin with the tenant: ix_card"],
        ),
        (
            [
                *SOUND,
                "create unique index ix_wallet on wallet (tenant_id, id)",
                "alter table card add constraint fk_card foreign key (wallet, tenant_id) "
                "references wallet (id, tenant_id)",
            ],
            ["card refers to another table without the tenant: fk_card"],
        ),
        ([*SOUND, "create view cards as select * from card"], ["cards shows its tables as its owner sees them"]),
        (
            [*SOUND, "create materialized view cards as select * from card"],
            ["cards shows its tables as its owner sees them"],
        ),
        (
            ["create function sum_up() returns bigint language sql security definer as 'select count(*) from wallet'"],
            [
                "sum_up finds its tables by the path of its caller",
                "sum_up looks across tenants",
                "sum_up may be called by everybody",
            ],
        ),
        (list(SOUND), []),
    ],
)
async def test_a_table_that_forgets_the_tenant_is_found(
    database: DataDir, mistake: list[str], found: list[str]
) -> None:
    async with tried_as_superuser(database, "loyalty") as connection:
        for statement in mistake:
            await connection.execute(statement)
        assert await weaknesses_of(connection) == found
