"""The database: atomic writes, an immutable ledger, lost connections, and query plans that use the tenant."""

import asyncio
from contextlib import nullcontext, suppress
from uuid import UUID

import asyncpg
import pytest

from chassis import Command, Query
from chassis.db.drift import find_drift
from chassis.db.pool import is_transient
from chassis.messaging.relay import READ_IN_ORDER
from chassis.service import load
from chassis.types.ids import uuid7
from local import PROCESSES
from local.data_dir import DataDir
from tests.support.facts import a_customer, a_program, known_as
from tests.support.faults import commits_wait, rows_rejected, until_a_commit_waits
from tests.support.service import ServiceUnderTest, settings_of


async def test_a_commit_that_fails_is_never_answered_as_done(loyalty: ServiceUnderTest) -> None:
    """The constraint is checked at COMMIT. A response sent before the commit would have reported a success."""
    async with rows_rejected(loyalty, "program", "new.name = 'fails at commit'", "too late"):
        answer = await loyalty.post("/v1/programs", a_program(name="fails at commit"))
    assert answer.status_code == 500
    assert (await loyalty.get("/v1/programs")).json()["items"] == []
    assert await loyalty.published() == []


async def test_what_is_refused_announces_nothing(customers: ServiceUnderTest) -> None:
    await customers.post("/v1/customers", a_customer(**known_as("1")))
    await customers.published()
    assert (await customers.post("/v1/customers", a_customer(**known_as("1")))).status_code == 409
    assert await customers.published() == []
    assert len(await customers.rows("select * from customer")) == 1


async def test_a_late_commit_of_an_earlier_number_is_found_by_the_relay(running_customers: ServiceUnderTest) -> None:
    """The first customer has its number but waits at its commit. The second is published, then the first commits."""
    slow, quick = await running_customers.for_new_tenant(), await running_customers.for_new_tenant()
    outbox = slow.shared.worker_pool
    await outbox.execute("delete from chassis.outbox")  # events that other tests have left in the outbox
    async with commits_wait(slow, "customer", "true") as open_the_gate:
        early = asyncio.create_task(slow.post("/v1/customers", a_customer()))
        await until_a_commit_waits(slow)
        assert (await quick.post("/v1/customers", a_customer())).status_code == 201
        (late_row,) = await outbox.fetch(READ_IN_ORDER)
        assert late_row["tenant_id"] == quick.tenant.id
        assert len(await quick.published()) == 1  # the relay deletes published events
        await open_the_gate()
        assert (await early).status_code == 201
    (early_row,) = await outbox.fetch(READ_IN_ORDER)
    assert early_row["tenant_id"] == slow.tenant.id
    assert early_row["seq"] < late_row["seq"]
    await slow.published()


@pytest.mark.parametrize("statement", ["update points_entry set points = 5", "delete from points_entry"])
async def test_what_is_written_into_the_ledger_stands(loyalty: ServiceUnderTest, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with loyalty.work() as work:
            await work.execute(Command(statement))


@pytest.mark.parametrize("service", PROCESSES)
async def test_the_migrations_make_what_the_models_say(database: DataDir, service: str) -> None:
    loaded = load(service)
    drift = await find_drift(settings_of(database, loaded), loaded.metadata)
    assert not drift, drift


KILL = Query(bool, "select pg_terminate_backend(pg_backend_pid())")
ONE = Query(int, "select 1")


async def lose_the_connection(loyalty: ServiceUnderTest, go_on: bool) -> None:
    async with loyalty.work() as work:
        with suppress(asyncpg.PostgresError) if go_on else nullcontext():
            await work.fetch(KILL)
        await asyncio.sleep(0.1)
        await work.fetch(ONE)


@pytest.mark.parametrize("go_on", [False, True])
async def test_a_connection_that_is_lost_is_a_passing_fault_and_replaced(
    loyalty: ServiceUnderTest, go_on: bool
) -> None:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as lost:
        await lose_the_connection(loyalty, go_on)
    assert is_transient(lost.value)
    async with loyalty.work() as work:
        assert await work.fetch(ONE) == [1]


NUMBER = Query(UUID, "select id from program where version > :version")
LOCKS = "select 1 from pg_locks where relation = 'program'::regclass"


@pytest.mark.parametrize("writes", [False, True])
async def test_a_value_that_cannot_be_sent_leaves_no_lock_behind(loyalty: ServiceUnderTest, writes: bool) -> None:
    """asyncpg prepares the statement before it encodes the values, and then goes no further."""
    with pytest.raises(asyncpg.DataError, match="value out of int64 range"):
        async with loyalty.work() as work:
            await (work.fetch if writes else work.select)(NUMBER, version=2**63)
    assert await loyalty.rows(LOCKS) == []


@pytest.mark.parametrize("name", PROCESSES)
async def test_no_policy_lets_the_planner_know_the_tenant(database: DataDir, name: str) -> None:
    """The planner would expect no rows of a tenant that is missing from its statistics, and would read all of them."""
    connection = await asyncpg.connect(str(settings_of(database, load(name)).migration_database_url))
    try:
        policies = await connection.fetch("select tablename, qual, with_check from pg_policies where qual <> 'true'")
    finally:
        await connection.close()
    assert policies
    for policy in policies:
        assert "( SELECT" in (policy["qual"] or policy["with_check"]), policy["tablename"]


async def test_a_tenant_that_is_new_to_the_statistics_is_found_by_its_keys(
    running_interactions: ServiceUnderTest,
) -> None:
    known, new = await running_interactions.for_new_tenant(), await running_interactions.for_new_tenant()
    settings = settings_of(running_interactions.data_dir, running_interactions.service)
    admin = await asyncpg.connect(str(settings.migration_database_url))
    many = "insert into known_customer (tenant_id, id) select $1, uuidv7() from generate_series(1, 20000)"
    try:
        await admin.execute(many, known.tenant.id)
        await admin.execute("analyze known_customer")
        await admin.execute(many, new.tenant.id)
    finally:
        await admin.close()
    plan = await new.rows(
        "explain (analyze) select * from known_customer join unnest($1::uuid[]) as wanted(id) using (id)",
        [uuid7() for _ in range(5)],
    )
    lines = [line["QUERY PLAN"] for line in plan]
    assert not [line for line in lines if "rows=20000" in line], lines
    assert [line for line in lines if "Index Cond" in line and "id = wanted.id" in line], lines
