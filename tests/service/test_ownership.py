"""Ownership and rights: `rapport migrate` repairs them in a database that exists, and keeps those of a sound one."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from chassis.core.settings import Settings
from chassis.db.migrations import migrate
from chassis.db.provisioning import RestoreNotFinished, admin_connection, drop_database, restoring_name
from chassis.service import Service, load
from local import PROCESSES
from local.data_dir import DataDir
from local.postgres import binaries
from tests.support.service import settings_of

_RIGHTS = """
    with acl as (
        select 'database' as kind, datname::text as name, datdba as owner,
            coalesce(datacl, acldefault('d', datdba)) as acl
        from pg_database where datname = current_database()
        union all select 'schema', nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner))
        from pg_namespace where nspname = 'chassis'
        union all select 'relation', oid::regclass::text, relowner,
            coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner))
        from pg_class
        where relnamespace in ('public'::regnamespace, 'chassis'::regnamespace) and relkind in ('r', 'v', 'S')
        union all select 'routine', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
        from pg_proc where pronamespace in ('public'::regnamespace, 'chassis'::regnamespace)
          and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
    )
    select kind, name, owner::regrole::text, array(
        select format('%s to %s', privilege_type, case grantee when 0 then 'public' else grantee::regrole::text end)
        from aclexplode(acl) order by 1
    ) as rights
    from acl order by 1, 2
"""


@dataclass(frozen=True)
class Scratch:
    """A service with an empty migrated database of its own."""

    service: Service
    settings: Settings

    @property
    def url(self) -> str:
        return str(self.settings.migration_database_url)

    async def migrate(self) -> None:
        await migrate(self.settings, self.service.name, self.service.migrations, logins=False)

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        await connection.execute(statement)
        await connection.close()

    async def rights(self) -> list[tuple[str, ...]]:
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(_RIGHTS)]
        finally:
            await connection.close()

    def run(self, program: str, *options: str) -> None:
        command = [str(binaries() / program), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(params=PROCESSES)
async def scratch(request: pytest.FixtureRequest, database: DataDir) -> AsyncIterator[Scratch]:
    service = load(request.param)
    settings = settings_of(database, service)
    url = str(settings.migration_database_url).rpartition("/")[0] + f"/owned_{service.name}"
    scratch = Scratch(service, settings.model_copy(update={"migration_database_url": url}))
    await scratch.migrate()
    yield scratch
    await drop_database(scratch.settings, service.name)


async def test_a_migration_changes_no_right_in_a_sound_database(scratch: Scratch) -> None:
    before = await scratch.rights()
    await scratch.migrate()
    assert await scratch.rights() == before


async def test_a_migration_repairs_owners_and_rights(scratch: Scratch) -> None:
    name = scratch.service.name
    before = await scratch.rights()
    await scratch.execute(
        f"""
        alter database owned_{name} owner to rapport;
        alter schema chassis owner to rapport;
        alter table chassis.outbox owner to rapport;
        alter function chassis.counts() owner to rapport;
        alter table {min(scratch.service.metadata.tables)} owner to rapport;
        revoke all on database owned_{name} from owned_{name}_api;
        revoke all on schema chassis from owned_{name}_worker;
        revoke all on all tables in schema public, chassis from owned_{name}_api, owned_{name}_worker;
        grant execute on all functions in schema chassis to public;
        """
    )
    assert await scratch.rights() != before

    await scratch.migrate()

    assert await scratch.rights() == before


async def test_a_migration_repairs_a_plain_restore_without_owners_and_rights(scratch: Scratch, tmp_path: Path) -> None:
    before = await scratch.rights()
    dump = str(tmp_path / "dump")
    scratch.run("pg_dump", "--format=custom", f"--file={dump}", scratch.url)
    async with admin_connection(scratch.settings) as (admin, database):
        await admin.execute(f"drop database {database}")
        await admin.execute(f"create database {database}")
    scratch.run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={scratch.url}", dump)
    assert await scratch.rights() != before

    await scratch.migrate()

    assert await scratch.rights() == before


async def test_a_migration_refuses_to_run_beside_an_unfinished_restore(scratch: Scratch) -> None:
    async with admin_connection(scratch.settings) as (admin, database):
        await admin.execute(f"create database {restoring_name(database)}")
    try:
        with pytest.raises(RestoreNotFinished, match="Repeat `rapport restore DIR --replace`"):
            await scratch.migrate()
    finally:
        async with admin_connection(scratch.settings) as (admin, database):
            await admin.execute(f"drop database {restoring_name(database)}")
