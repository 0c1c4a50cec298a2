"""Upgrades: the data of every release is migrated to the current tables without loss, and the current code uses it."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from chassis.cli.rebuild import rebuild_all
from chassis.core.identity import TenantFacts
from chassis.db.drift import find_drift
from chassis.db.migrations import DowngradeNotSupported, migrate, newest_revision
from chassis.messaging.tenants import tenant_from_row
from chassis.service import Service, load
from chassis.types.ids import uuid7
from local import PROCESSES, SERVICES
from local.data_dir import DataDir
from tests.support.events import example_of, lasting_handlers
from tests.support.operations import QUERIES, Operation
from tests.support.requests import every_request, operations_of, request_of
from tests.support.restored import Contents, beside, contents, releases, restore
from tests.support.service import ServiceUnderTest, settings_of
from tests.support.stack import RAPPORT

NOT_ASKED = ("status", "sandbox")
"""The status requests the other services, and a live tenant has no clock of its own."""
TABLES = {
    "assignments": "case_assignment",
    "cases": "support_case",
    "deliveries": "delivery",
    "mailboxes": "mailbox",
    "order-statuses": "order_status",
    "queues": "routing_queue",
    "sla-policies": "sla_policy",
    "templates": "message_template",
    "views": "saved_view",
}
"""The tables of records whose names do not follow from the path."""
JOBS = {"duplicate-searches": "duplicate_search", "exports": "export", "imports": "import"}
"""The kinds of jobs."""
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
"""A future revision: every table has an additional nullable column."""


@dataclass(frozen=True)
class Upgraded:
    """A service on the database of a release, with its contents before and after the upgrade.

    `service` is the live tenant's, and `tenants` has that of each tenant, because a release has sandboxes as well.
    """

    service: ServiceUnderTest
    tenants: dict[str, ServiceUnderTest]
    before: Contents
    after: Contents


@pytest.fixture(scope="module")
def data_dir(database: DataDir, tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    return beside(database, tmp_path_factory.mktemp("restored"))


@pytest.fixture(scope="module", params=[(release, name) for release in releases() for name in PROCESSES], ids="-".join)
async def upgraded(request: pytest.FixtureRequest, data_dir: DataDir) -> AsyncIterator[Upgraded]:
    release, name = request.param
    service = another(name)
    before, after = await upgrade(data_dir, service, release, service.migrations)
    async with running(data_dir, service) as tenants:
        (live,) = [tested for tested in tenants if tested.tenant.kind == "live"]
        yield Upgraded(live, {str(tested.tenant.id): tested for tested in tenants}, before, after)


def another(name: str) -> Service:
    """Return the service without its outer application, because the gateway's connects to the other services."""
    return replace(load(name), outer_app=None)


async def upgrade(data_dir: DataDir, service: Service, release: str, migrations: Path) -> tuple[Contents, Contents]:
    """Restore and migrate the database of a release. Return its contents before and after."""
    await restore(data_dir, service, release)
    settings = settings_of(data_dir, service)
    before = await contents(str(settings.migration_database_url))
    await migrate(settings, service.name, migrations)
    return before, await contents(str(settings.migration_database_url))


@asynccontextmanager
async def running(data_dir: DataDir, service: Service) -> AsyncIterator[list[ServiceUnderTest]]:
    """Run the service on the restored database, for each of the tenants stored there."""
    tested = ServiceUnderTest(service, data_dir)
    async with tested.running():
        rows = await tested.shared.worker_pool.fetch("select * from chassis.tenant")
        yield [tested.for_tenant(tenant_from_row(row)) for row in rows]


def lost(before: Contents, after: Contents) -> list[str]:
    """Return the rows and values that no longer exist."""
    return [
        f"{table}: {row}"
        for table, rows in before.items()
        for row in rows
        if not any(contains(kept, as_kept_now(table, row)) for kept in after.get(table, []))
    ]


def contains(kept: Any, value: Any) -> bool:
    """Return whether a value is kept. Objects may have gained fields."""
    if isinstance(kept, dict) and isinstance(value, dict):
        return all(name in kept and contains(kept[name], each) for name, each in value.items())
    if isinstance(kept, list) and isinstance(value, list):
        return len(kept) == len(value) and all(map(contains, kept, value))
    return bool(kept == value)


def as_kept_now(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in its current form: some columns are replaced by a document, and derived columns by others."""
    if table == "public.customer":
        return {name: value for name, value in row.items() if name != "search_name"}
    if table != "chassis.tenant" or "facts" in row:
        return row
    names = TenantFacts.model_fields.keys() & row.keys()
    return {name: value for name, value in row.items() if name not in names} | {
        "facts": {name: row[name] for name in names}
    }


def tomorrow(service: Service, folder: Path, and_more: str = "") -> Path:
    """Return a copy of the service's migrations with an additional revision."""
    migrations = folder / "migrations"
    shutil.copytree(service.migrations, migrations)
    revision = NEWER.format(head=newest_revision(service.migrations, service.name), and_more=and_more)
    (migrations / "versions" / "9999_tomorrow.py").write_text(revision)
    return migrations


# Data is preserved


async def test_every_row_is_kept_and_the_tables_are_todays(upgraded: Upgraded) -> None:
    service = upgraded.service.service
    own = {name: rows for name, rows in upgraded.before.items() if name.startswith("public.")}
    assert [name for name, rows in own.items() if not rows] == [], "a release must have rows in every table"
    assert lost(upgraded.before, upgraded.after) == []
    drift = await find_drift(settings_of(upgraded.service.data_dir, service), service.metadata)
    assert not drift, drift


async def test_rules_of_a_release_before_rounding_stay_proportional(data_dir: DataDir) -> None:
    """A refund must reverse what its purchase earned, and points were earned proportionally then."""
    service = another("loyalty")
    before, after = await upgrade(data_dir, service, "0.1.0", service.migrations)
    assert {row["id"]: row["rounding"] for row in after["public.earning_rule"]} == {
        row["id"]: "proportional" for row in before["public.earning_rule"]
    }


async def test_a_migration_that_loses_something_is_found_out(data_dir: DataDir, tmp_path: Path) -> None:
    """The check itself detects lost rows and values."""
    service = another("loyalty")
    careless = tomorrow(service, tmp_path, "delete from lot_allocation where points = 1;")
    before, after = await upgrade(data_dir, service, releases()[-1], careless)
    gone = len(before["public.lot_allocation"])
    assert (len(lost(before, after)), gone > 0) == (gone, True)
    wallets = before["public.wallet"]
    for malformed in (
        [],
        wallets[1:],
        [row | {"available": 0} for row in wallets],
        [{"id": row["id"]} for row in wallets],
    ):
        assert lost(before, before | {"public.wallet": malformed}) != []


# Data is used


@pytest.mark.generated
async def test_what_the_release_wrote_is_answered(upgraded: Upgraded) -> None:
    tested = upgraded.service
    for operation in operations_of(tested):
        of_two_records = "{other}" in QUERIES.get(str(operation), {}).values()
        is_asked = operation.kind not in NOT_ASKED and not operation.is_public and not of_two_records
        is_file = "x-streamed" in operation.described  # the data are those of the databases alone
        if operation.method == "GET" and is_asked and not is_file:
            for tenant, ids in some_ids(upgraded, operation):
                answer = await request_of(operation, ids).sent_to(upgraded.tenants[tenant])
                is_erased = answer.status_code == 410 and answer.json()["code"] == "person_erased"
                assert answer.status_code == 200 or is_erased, f"{operation}: {answer.text}"


def some_ids(upgraded: Upgraded, operation: Operation) -> list[tuple[str, dict[str, str]]]:
    """Return the tenant and the ids of every row that an operation can address.

    A table that is newer than the release has none.
    """
    contents, kind = upgraded.after, operation.kind
    if not operation.is_on_a_record:
        return [(str(upgraded.service.tenant.id), {})]
    name = "public.job" if kind in JOBS else "public." + TABLES.get(kind, kind.replace("-", "_").removesuffix("s"))
    table = contents.get(name)
    if table is not None and kind in JOBS:
        table = [row for row in table if row["kind"] == JOBS[kind]]
    if table is None:  # an operation about a customer, for which this service has no table
        named = [row for rows in contents.values() for row in rows if row.get("customer_id") and row.get("tenant_id")]
        table = [{"id": row["customer_id"], "tenant_id": row["tenant_id"]} for row in named]
    assert table or name not in upgraded.before, f"{operation}: the release contains no such record"
    return [(row["tenant_id"], {kind: row["id"]}) for row in table]


@pytest.mark.generated
async def test_it_goes_on_from_there_also_when_a_newer_version_migrates_beside_it(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    tested = upgraded.service
    await is_sound(tested)
    await use(tested)
    service = tested.service
    await migrate(settings_of(tested.data_dir, service), service.name, tomorrow(service, tmp_path))
    assert (await tested.shared.client.get("/ready")).status_code == 200
    await use(tested)
    await use(await tested.for_new_tenant())
    await is_sound(tested)


async def is_sound(tested: ServiceUnderTest) -> None:
    assert await rebuild_all(tested.service, tested.shared.running.settings, repair=False) == []
    if tested.service.name == "loyalty":
        assert (await tested.get("/v1/ledger/verify")).json()["differences"] == []


async def use(tested: ServiceUnderTest) -> None:
    """Deliver every event that the service reads, and call every operation of the four services."""
    parked = await count_parked(tested)
    await tested.deliver([example_of(one.event.event_type, tested.tenant) for one in lasting_handlers(tested.service)])
    assert await count_parked(tested) == parked
    if tested.service.name in SERVICES:
        for request in [*await every_request(tested, safe=False), *await every_request(tested, safe=True)]:
            answer = await request.sent_to(tested, key=str(uuid7()))
            assert answer.status_code < 300 or answer.status_code == 409, f"{request}: {answer.text}"


async def count_parked(tested: ServiceUnderTest) -> int:
    return int(await tested.shared.worker_pool.fetchval("select count(*) from chassis.dead_letter"))


async def test_code_waits_for_the_tables_that_it_needs(data_dir: DataDir) -> None:
    service = another("loyalty")
    await restore(data_dir, service, releases()[-1])
    tested = ServiceUnderTest(service, data_dir)
    async with tested.running():
        await tested.as_owner("update chassis.alembic_version set version_num = '0001'")
        answer = await tested.shared.client.get("/ready")
        assert (answer.status_code, answer.json()["waits_for"]) == (503, ["migrations"])


# Downgrades are not supported


async def test_older_code_leaves_newer_tables_alone_and_says_so(data_dir: DataDir, tmp_path: Path) -> None:
    service = another("loyalty")
    _, newer = await upgrade(data_dir, service, releases()[-1], tomorrow(service, tmp_path))
    settings = settings_of(data_dir, service)
    with pytest.raises(DowngradeNotSupported, match="restore a backup"):
        await migrate(settings, service.name, service.migrations)
    command = [RAPPORT, "--data", str(data_dir.root), "migrate", "loyalty"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert (told.returncode, told.stderr[:43]) == (1, "The database of loyalty is at revision 9999")
    assert await contents(str(settings.migration_database_url)) == newer


@pytest.mark.parametrize("name", PROCESSES)
def test_no_migration_offers_a_way_down_and_alembics_own_command_says_so(name: str) -> None:
    migrations = load(name).migrations
    assert [file.name for file in migrations.rglob("*.py") if "def downgrade" in file.read_text()] == []
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    for direction, revision in ((command.downgrade, "base"), (command.upgrade, "head")):
        with pytest.raises(DowngradeNotSupported, match="rapport migrate"):
            direction(config, revision)
