"""An upgrade loses nothing: every released version's data, brought to today's tables and used by today's code."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from chassis.ids import uuid7
from chassis.migrations import NoWayDown, differences, migrate, newest_revision
from chassis.rebuilding import rebuild_all
from chassis.service import Service, load
from chassis.tenants import tenant_of
from local import PROCESSES, SERVICES
from local.places import Place
from tests.service.chassis.test_database import is_chassis
from tests.support.events import example_of
from tests.support.operations import Operation
from tests.support.requests import every_request, operations_of, request_of
from tests.support.restored import Contents, beside, contents, releases, restore
from tests.support.service import ServiceUnderTest, settings_of
from tests.support.stack import RAPPORT

NEWER = '''
from alembic import op

revision, down_revision = "9999", "{head}"


def upgrade() -> None:
    op.execute("""
        do $$ declare one record; begin
            for one in select * from pg_tables where schemaname in ('public', 'chassis') loop
                execute format('alter table %I.%I add column added_later text', one.schemaname, one.tablename);
            end loop;
            {and_more}
        end $$
    """)
'''
"""A revision of tomorrow: every table has one more column that may be empty."""


@dataclass(frozen=True)
class Upgraded:
    """A service on the database of a release, and what stood there before and after the upgrade."""

    service: ServiceUnderTest
    before: Contents
    after: Contents


@pytest.fixture(scope="module")
def place(database: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return beside(database, tmp_path_factory.mktemp("restored"))


@pytest.fixture(scope="module", params=[(release, name) for release in releases() for name in PROCESSES], ids="-".join)
async def upgraded(request: pytest.FixtureRequest, place: Place) -> AsyncIterator[Upgraded]:
    release, name = request.param
    service = another(name)
    before, after = await upgrade(place, service, release, service.migrations)
    async with running(place, service) as tested:
        yield Upgraded(tested, before, after)


def another(name: str) -> Service:
    """The service once more, for the session's own runs on another database; the gateway without its front."""
    one = load(name)
    return Service(one.name, package=one.package, settings=one.settings_class, metadata=one.metadata)


async def upgrade(place: Place, service: Service, release: str, migrations: Path) -> tuple[Contents, Contents]:
    """Restores what a release left and migrates it; what stood there before and after."""
    await restore(place, service, release)
    settings = settings_of(place, service)
    before = await contents(str(settings.migration_database_url))
    await migrate(settings, service.name, migrations)
    return before, await contents(str(settings.migration_database_url))


@asynccontextmanager
async def running(place: Place, service: Service) -> AsyncIterator[ServiceUnderTest]:
    """The service on the restored database, as the tenant that it held meets it."""
    tested = ServiceUnderTest(service, place)
    async with tested.running():
        yield tested.for_tenant(tenant_of(await tested.shared.worker_pool.fetchrow("select * from chassis.tenant")))


def lost(before: Contents, after: Contents) -> list[str]:
    """Rows and values that do not stand there any more."""
    return [
        f"{table}: {row}"
        for table, rows in before.items()
        for row in rows
        if not any(row.items() <= kept.items() for kept in after.get(table, []))
    ]


def tomorrow(service: Service, folder: Path, and_more: str = "") -> Path:
    """The service's migrations, and one more."""
    migrations = folder / "migrations"
    shutil.copytree(service.migrations, migrations)
    revision = NEWER.format(head=newest_revision(service.migrations, service.name), and_more=and_more)
    (migrations / "versions" / "9999_tomorrow.py").write_text(revision)
    return migrations


# What was there is there


async def test_every_row_is_kept_and_the_tables_are_todays(upgraded: Upgraded) -> None:
    service = upgraded.service.service
    own = {name: rows for name, rows in upgraded.before.items() if name.startswith("public.")}
    assert [name for name, rows in own.items() if not rows] == [], "the release left something in every table"
    assert lost(upgraded.before, upgraded.after) == []
    found = await differences(settings_of(upgraded.service.place, service), service.name, service.metadata)
    assert [one for one in found if not is_chassis(one)] == []


async def test_a_migration_that_loses_something_is_found_out(place: Place, tmp_path: Path) -> None:
    """The test of the test."""
    service = another("loyalty")
    careless = tomorrow(service, tmp_path, "delete from lot_allocation where points = 1;")
    before, after = await upgrade(place, service, releases()[-1], careless)
    gone = len(before["public.lot_allocation"])
    assert (len(lost(before, after)), gone > 0) == (gone, True)
    wallets = before["public.wallet"]
    for spoilt in (
        [],
        wallets[1:],
        [row | {"available": 0} for row in wallets],
        [{"id": row["id"]} for row in wallets],
    ):
        assert lost(before, before | {"public.wallet": spoilt}) != []


# It is used


@pytest.mark.generated
async def test_what_the_release_wrote_is_answered(upgraded: Upgraded) -> None:
    tested = upgraded.service
    for operation in operations_of(tested):
        if operation.method == "GET" and operation.kind != "status":  # the status asks the other services
            for ids in some_ids(upgraded.after, operation):
                answer = await request_of(operation, ids).sent_to(tested)
                assert answer.status_code == 200, f"{operation}: {answer.text}"


def some_ids(contents: Contents, operation: Operation) -> list[dict[str, str]]:
    """The ids of every row that an operation is about."""
    kind = operation.kind
    if not operation.is_on_a_record:
        return [{}]
    table = contents.get("public." + kind.replace("-", "_").removesuffix("s"))
    if table is None:  # an operation about a customer of whom this service has no record of its own
        table = [{"id": row["customer_id"]} for rows in contents.values() for row in rows if row.get("customer_id")]
    assert table, f"{operation}: the release wrote nothing that it is about"
    return [{kind: row["id"]} for row in table]


@pytest.mark.generated
async def test_it_goes_on_from_there_also_when_a_newer_version_migrates_beside_it(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    tested = upgraded.service
    await is_sound(tested)
    await use(tested)
    service = tested.service
    await migrate(settings_of(tested.place, service), service.name, tomorrow(service, tmp_path))
    assert (await tested.shared.client.get("/ready")).status_code == 200
    await use(tested)
    await use(await tested.for_new_tenant())
    await is_sound(tested)


async def is_sound(tested: ServiceUnderTest) -> None:
    assert await rebuild_all(tested.service, repair=False) == []
    if tested.service.name == "loyalty":
        assert (await tested.get("/v1/ledger/verify")).json()["differences"] == []


async def use(tested: ServiceUnderTest) -> None:
    """Every event that it reads, every operation of the four services."""
    parked = await count_parked(tested)
    await tested.deliver([example_of(one.incoming.event_type, tested.tenant) for one in tested.service.reactions])
    assert await count_parked(tested) == parked
    if tested.service.name in SERVICES:
        for request in [*await every_request(tested, safe=False), *await every_request(tested, safe=True)]:
            answer = await request.sent_to(tested, key=str(uuid7()))
            assert answer.status_code < 300 or answer.status_code == 409, f"{request}: {answer.text}"


async def count_parked(tested: ServiceUnderTest) -> int:
    return int(await tested.shared.worker_pool.fetchval("select count(*) from chassis.dead_letter"))


async def test_code_waits_for_the_tables_that_it_needs(place: Place) -> None:
    service = another("loyalty")
    await restore(place, service, releases()[-1])
    async with running(place, service) as tested:
        await tested.as_owner("update chassis.alembic_version set version_num = '0001'")
        answer = await tested.shared.client.get("/ready")
        assert (answer.status_code, answer.json()["waits_for"]) == (503, ["migrations"])


# There is no way down


async def test_older_code_leaves_newer_tables_alone_and_says_so(place: Place, tmp_path: Path) -> None:
    service = another("loyalty")
    _, newer = await upgrade(place, service, releases()[-1], tomorrow(service, tmp_path))
    settings = settings_of(place, service)
    with pytest.raises(NoWayDown, match="restore a backup"):
        await migrate(settings, service.name, service.migrations)
    command = [RAPPORT, "migrate", "loyalty", "--data", str(place.root)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert (told.returncode, told.stderr[:40]) == (1, "The database of loyalty stands at revisi")
    assert await contents(str(settings.migration_database_url)) == newer


@pytest.mark.parametrize("name", PROCESSES)
def test_no_migration_offers_a_way_down_and_alembics_own_command_says_so(name: str) -> None:
    migrations = load(name).migrations
    assert [file.name for file in migrations.rglob("*.py") if "def downgrade" in file.read_text()] == []
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    for direction, revision in ((command.downgrade, "base"), (command.upgrade, "head")):
        with pytest.raises(NoWayDown, match="rapport migrate"):
            direction(config, revision)
