"""The database: when a write is one, what stands, and how its plans are made."""

import asyncio
from contextlib import nullcontext, suppress
from typing import Any

import asyncpg
import pytest

from chassis.database import is_away
from chassis.ids import uuid7
from chassis.migrations import differences
from chassis.service import load
from chassis.work import transaction
from local import PROCESSES
from local.places import Place
from tests.service.chassis.test_reactions import allow, forbid
from tests.support.facts import a_customer, a_program, known_as
from tests.support.service import ServiceUnderTest, settings_of


async def test_a_commit_that_fails_is_never_answered_as_done(loyalty: ServiceUnderTest) -> None:
    """The constraint is checked at COMMIT: an answer that had left before it would have been a lie."""
    await forbid(loyalty, "program", "new.name = 'fails at commit'", "too late")
    try:
        answer = await loyalty.post("/v1/programs", a_program(name="fails at commit"))
    finally:
        await allow(loyalty, "program")
    assert answer.status_code == 500
    assert (await loyalty.get("/v1/programs")).json()["items"] == []
    assert await loyalty.published() == []


async def test_what_is_refused_announces_nothing(customers: ServiceUnderTest) -> None:
    await customers.post("/v1/customers", a_customer(**known_as("1")))
    await customers.published()
    assert (await customers.post("/v1/customers", a_customer(**known_as("1")))).status_code == 409
    assert await customers.published() == []
    assert len(await customers.rows("select * from customer")) == 1


async def test_a_late_commit_of_an_earlier_number_is_found_by_the_relay(running_loyalty: ServiceUnderTest) -> None:
    """Sequence 1 is not committed yet, 2 is committed and carried, 1 commits: both are carried."""
    from chassis.relay import _READ
    from services.loyalty.operations.joining import MemberJoined

    slow, quick = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    await slow.shared.worker_pool.execute("delete from chassis.outbox")  # what other tests have left there
    fact = MemberJoined(customer_id=uuid7(), membership_id=uuid7(), program_id=uuid7(), joined_at=slow.work().now)
    early = slow.work()
    early.publish(fact)
    await early.execute("select 1")
    await early._flush()  # has its number, and waits
    async with transaction(quick.work()) as work:
        work.publish(fact)
    seen = await quick.shared.worker_pool.fetch(_READ)
    assert [row["tenant_id"] for row in seen] == [quick.tenant.id]
    assert len(await quick.published()) == 1  # the relay deletes what it has carried
    await early.commit()
    await early.close(failed=False)
    assert [row["tenant_id"] for row in await slow.shared.worker_pool.fetch(_READ)] == [slow.tenant.id]
    await slow.published()


@pytest.mark.parametrize("statement", ["update points_entry set points = 5", "delete from points_entry"])
async def test_what_is_written_into_the_ledger_stands(loyalty: ServiceUnderTest, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with transaction(loyalty.work()) as work:
            await work.execute(statement)


@pytest.mark.parametrize("service", PROCESSES)
async def test_the_migrations_make_what_the_models_say(database: Place, service: str) -> None:
    loaded = load(service)
    found = await differences(settings_of(database, loaded), service, loaded.metadata)
    assert [one for one in found if not is_chassis(one)] == []


def is_chassis(difference: Any) -> bool:
    """The chassis' own tables are made by its SQL, not from a model."""
    return "chassis" in repr(difference)


async def lose_the_connection(loyalty: ServiceUnderTest, go_on: bool) -> None:
    async with transaction(loyalty.work()) as work:
        with suppress(asyncpg.PostgresError) if go_on else nullcontext():
            await work.value("select pg_terminate_backend(pg_backend_pid())")
        await asyncio.sleep(0.1)
        await work.value("select 1")


@pytest.mark.parametrize("go_on", [False, True])
async def test_a_connection_that_is_lost_is_a_passing_fault_and_replaced(
    loyalty: ServiceUnderTest, go_on: bool
) -> None:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as lost:
        await lose_the_connection(loyalty, go_on)
    assert is_away(lost.value)
    async with transaction(loyalty.work()) as work:
        assert await work.value("select 1") == 1


@pytest.mark.parametrize("name", PROCESSES)
async def test_no_policy_lets_the_planner_know_the_tenant(database: Place, name: str) -> None:
    """It would plan for a tenant without rows whenever one is new to its statistics, and read all that it has."""
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
    settings = settings_of(running_interactions.place, running_interactions.service)
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
