"""The outbox: no row is skipped, none is deleted before Kafka has it, and no other transaction delays a row."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from chassis.types import json
from chassis.types.ids import uuid7
from tests.auditor.audit import records_of
from tests.support.facts import a_customer, a_purchase
from tests.support.stack import RunningStack, Visitor
from tests.system.test_faults import points_by_customer
from tests.system.test_stories import a_program_with_points

GATE = 4712
SOON = 15
"""Seconds within which an event must arrive. On an idle machine it takes some tenths of a second."""


async def buy(visitor: Visitor, customer: UUID, **fields: Any) -> None:
    answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer, **fields))
    assert answer.status_code == 201, answer.text


async def until(what: Callable[[], Any], wanted: Any) -> None:
    """Wait until a function returns the wanted value."""
    async with asyncio.timeout(SOON):
        while await what() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# Order and gaps


async def test_a_lower_number_that_commits_late_arrives_too(stack: RunningStack, visitor: Visitor) -> None:
    """The first purchase gets its number and waits at its commit. The second is published, then the first commits."""
    program = await a_program_with_points(visitor)
    customer = UUID((await visitor.request("POST", "/v1/customers", json=a_customer())).json()["id"])
    await visitor.drained()  # else both purchases would insert the row of the unknown customer
    async with commits_wait(stack, "new.source_id = 'early'") as gate:
        early = asyncio.create_task(buy(visitor, customer, source_id="early"))
        await until(lambda: stack.rows("interactions", WAITING), [{"waits": True}])
        await buy(visitor, customer, source_id="late")
        await until(lambda: points_by_customer(stack, program), {customer: 5})
        assert not early.done()
        await gate.execute(f"select pg_advisory_unlock({GATE})")
        await early
        await until(lambda: points_by_customer(stack, program), {customer: 10})
    told = [
        one for one in await records_of(stack, "rapport.interactions") if str(customer).encode() in (one.key or b"")
    ]
    assert [json.loads(one.value)["source_id"] for one in told] == ["late", "early"]
    late, early_number = (int(dict(one.headers)["ce_sequence"]) for one in told)
    assert early_number < late, "the last event had the lower number"


WAITING = f"select true as waits from pg_locks where locktype = 'advisory' and objid = {GATE} and not granted"


@asynccontextmanager
async def commits_wait(stack: RunningStack, condition: str) -> AsyncIterator[asyncpg.Connection]:
    """Block matching purchases at their commit, after their last write, until the gate is opened."""
    async with stack.superuser("interactions") as gate:
        await gate.execute(f"select pg_advisory_lock({GATE})")
        await gate.execute(
            "create function wait_at_the_gate() returns trigger language plpgsql as $$ begin "
            f"if {condition} then perform pg_advisory_xact_lock({GATE}); end if; return new; end $$"
        )
        await gate.execute(
            "create constraint trigger wait_at_the_gate after insert on purchase deferrable initially deferred "
            "for each row execute function wait_at_the_gate()"
        )
        try:
            yield gate
        finally:
            await gate.execute("select pg_advisory_unlock_all()")
            await gate.execute("drop trigger wait_at_the_gate on purchase")
            await gate.execute("drop function wait_at_the_gate")


async def test_clients_that_took_their_keys_in_the_other_order_are_told_of_in_that_of_the_versions(
    stack: RunningStack, visitor: Visitor
) -> None:
    """The first request has its Idempotency-Key and stops before it locks the record. The second overtakes it."""
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()

    async def change(area: str) -> int:
        path, headers = f"/v1/customers/{customer['id']}", {"idempotency-key": area}
        answer = await visitor.request("PATCH", path, json={"area": area}, headers=headers)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["version"])

    async with stack.superuser("customers") as holder:
        async with holder.transaction():
            await holder.execute("lock table customer in access exclusive mode")
            first = asyncio.create_task(change("first"))
            async with asyncio.timeout(SOON):
                while not (waiting := await holder.fetch(KEPT_FROM_CUSTOMERS)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            (backend,) = (row["pid"] for row in waiting)
            os.kill(backend, signal.SIGSTOP)
        try:
            assert await change("second") == 2
        finally:
            os.kill(backend, signal.SIGCONT)
    assert await first == 3
    await visitor.drained()
    records = [one for one in await records_of(stack, "rapport.customers") if customer["id"].encode() in one.key]
    assert [json.loads(one.value)["version"] for one in records] == [1, 2, 3]
    numbers = [int(dict(one.headers)["ce_sequence"]) for one in records]
    assert numbers == sorted(numbers)


KEPT_FROM_CUSTOMERS = """
    select pid from pg_locks join pg_stat_activity using (pid)
    where relation = 'customer'::regclass and not granted and usename = 'customers_api'
"""
"""The requests that wait for the table, without periodic tasks of the worker."""


# Events that Kafka has not stored


async def test_what_kafka_has_not_acknowledged_stays_in_the_outbox(stack: RunningStack, visitor: Visitor) -> None:
    """The row also remains if the sending process is killed before Kafka responds."""
    program = await a_program_with_points(visitor)
    customer = uuid7()
    await buy(visitor, customer)
    await visitor.drained()  # the relay now knows the topic's partitions, and sends without a metadata request
    kafka = stack.pid("kafka")
    os.kill(kafka, signal.SIGSTOP)
    try:
        await buy(visitor, customer)
        await asyncio.sleep(1)  # the relay has sent it
        assert len(await stack.rows("interactions", "select seq from chassis.outbox")) == 1
        pid = stack.kill("interactions")
        assert len(await stack.rows("interactions", "select seq from chassis.outbox")) == 1
    finally:
        os.kill(kafka, signal.SIGCONT)
    await stack.revived("interactions", pid)
    await visitor.drained()
    assert await points_by_customer(stack, program) == {customer: 10}


async def test_what_kafka_refuses_stays_in_the_outbox_until_it_is_taken(stack: RunningStack, visitor: Visitor) -> None:
    program = await a_program_with_points(visitor)
    customer = uuid7()
    await buy(visitor, customer)
    await visitor.drained()
    async with only_tiny_records(stack, "rapport.interactions"):
        await buy(visitor, customer)
        await asyncio.sleep(2)  # rejected, and retried
        assert len(await stack.rows("interactions", "select seq from chassis.outbox")) == 1
    await visitor.drained()
    assert await points_by_customer(stack, program) == {customer: 10}


@asynccontextmanager
async def only_tiny_records(stack: RunningStack, topic: str) -> AsyncIterator[None]:
    """Make Kafka reject every record of a topic, as if the topic were misconfigured."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()

    async def take_at_most(size: int) -> None:
        limit = {"max.message.bytes": str(size)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=limit)])

    try:
        await take_at_most(100)
        yield
    finally:
        await take_at_most(1_048_588)  # Kafka's default
        await admin.close()


# Other transactions


@asynccontextmanager
async def a_long_reader(stack: RunningStack, service: str) -> AsyncIterator[None]:
    """Read the outbox, and keep the snapshot."""
    async with stack.superuser(service) as connection, connection.transaction(isolation="repeatable_read"):
        await connection.fetch("select * from chassis.outbox")
        yield


@asynccontextmanager
async def an_idle_writer(stack: RunningStack, service: str) -> AsyncIterator[None]:
    """Write rows, and neither commit nor disconnect."""
    async with stack.superuser(service) as connection, connection.transaction():
        await connection.execute("create table written_by_an_idler (id int)")
        await connection.execute(OF_ANOTHER_TENANT, uuid7())
        yield


OF_ANOTHER_TENANT = """
    insert into chassis.outbox (event_id, tenant_id, type, subject, time, actor, data)
    values (gen_random_uuid(), $1, 'nobody.reads_this.v1', 'x', now(), 'x', '{}')
"""

Transaction = Callable[[RunningStack, str], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("service", ["interactions", "loyalty", "customers"])
@pytest.mark.parametrize("transaction", [a_long_reader, an_idle_writer])
async def test_a_transaction_that_stays_open_delays_nothing(
    stack: RunningStack, visitor: Visitor, transaction: Transaction, service: str
) -> None:
    """The transaction is open in the database of the publisher, of a consumer, or of an unrelated service."""
    program = await a_program_with_points(visitor)
    one, other = uuid7(), uuid7()
    async with transaction(stack, service):
        begun = time.monotonic()
        await asyncio.gather(buy(visitor, one), buy(visitor, other))
        await until(lambda: points_by_customer(stack, program), {one: 5, other: 5})
        await until(lambda: stack.rows("interactions", "select seq from chassis.outbox"), [])
        assert (await visitor.request("PATCH", await a_record(visitor), json={"area": "b"})).status_code == 200
        print(f"{time.monotonic() - begun:.2f} s beside {transaction.__name__} in {service}")


async def a_record(visitor: Visitor) -> str:
    return f"/v1/customers/{(await visitor.request('POST', '/v1/customers', json=a_customer())).json()['id']}"
