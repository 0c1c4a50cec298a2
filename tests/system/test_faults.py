"""Faults under a load: a process is killed or stopped, and the auditor checks the system afterwards.

No acknowledged write is lost, none is applied twice, and the order of a customer's events is kept. No manual restart
is necessary.
"""

import asyncio
import os
import signal
from uuid import UUID

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from chassis.types.ids import uuid7
from tests.auditor.load import a_load
from tests.support.facts import a_purchase
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points

SERVICES = ("customers", "interactions", "loyalty", "analytics")
MEMBERS = (*SERVICES, "gateway", "postgres", "kafka")
IN_EVERY_RUN = ("interactions", "gateway", "postgres", "kafka")
STILL = ("loyalty", "kafka")
LONGER_THAN_A_SESSION = 8.0
"""Seconds. The session of a consumer in the local stack expires after six seconds without a heartbeat."""

slow, nightly = pytest.mark.slow, pytest.mark.nightly


@pytest.mark.parametrize(
    "victim", [one if one in IN_EVERY_RUN else pytest.param(one, marks=nightly) for one in MEMBERS]
)
async def test_a_kill_under_load_loses_and_doubles_nothing(stack: RunningStack, victim: str) -> None:
    async with a_load(stack, f"{victim} is killed") as load:
        for _ in range(2):
            pid = stack.kill(victim)
            await stack.revived(victim, pid)
            await load.further(80)


@slow
@pytest.mark.parametrize("victim", [one if one in STILL else pytest.param(one, marks=nightly) for one in MEMBERS])
async def test_one_that_stands_still_holds_up_nobody_for_good(stack: RunningStack, victim: str) -> None:
    async with a_load(stack, f"{victim} stands still") as load:
        still = stand_still(stack.pid(victim))
        try:
            await asyncio.sleep(LONGER_THAN_A_SESSION)
        finally:
            go_on(still)
        await load.further(80)


def stand_still(pid: int) -> list[psutil.Process]:
    """Send SIGSTOP to a process and its children, because PostgreSQL consists of many processes."""
    process = psutil.Process(pid)
    all = [process, *process.children(recursive=True)]
    for one in all:
        one.send_signal(signal.SIGSTOP)
    return all


def go_on(processes: list[psutil.Process]) -> None:
    for one in processes:
        if one.is_running():
            one.send_signal(signal.SIGCONT)


async def test_while_a_service_is_away_the_others_answer_and_it_catches_up(
    stack: RunningStack, visitor: Visitor
) -> None:
    program = await a_program_with_points(visitor)
    customer = uuid7()
    pid = stack.kill("loyalty", signal.SIGSTOP)
    try:
        answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer))
        assert answer.status_code == 201
        status = (await visitor.request("GET", "/v1/status")).json()
        assert (status["drained"], status["services"]["loyalty"]["up"]) == (False, False)
        assert status["services"]["customers"]["up"]
    finally:
        os.kill(pid, signal.SIGCONT)
    await visitor.drained()
    assert await points_by_customer(stack, program) == {customer: 5}


async def test_an_unreadable_event_is_parked_and_the_rest_flows(stack: RunningStack, visitor: Visitor) -> None:
    program = await a_program_with_points(visitor)
    before = await stack.dead_letters("loyalty")
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka)
    await producer.start()
    try:
        partitions = await producer.partitions_for("rapport.interactions")
        for partition in sorted(partitions):
            await producer.send_and_wait("rapport.interactions", b"\xff not json", partition=partition)
    finally:
        await producer.stop()
    customer = uuid7()
    await visitor.request("POST", "/v1/purchases", json=a_purchase(customer))
    await visitor.drained()
    assert await stack.dead_letters("loyalty") == before + len(partitions)
    assert await points_by_customer(stack, program) == {customer: 5}
    assert "unreadable envelope" in stack.command("dead-letters", "list", "loyalty")
    for service in ("loyalty", "analytics"):
        await stack.rows(service, "delete from chassis.dead_letter")


async def points_by_customer(stack: RunningStack, program_id: str) -> dict[UUID, int]:
    rows = await stack.rows(
        "loyalty",
        "select customer_id, available from wallet join membership using (tenant_id, id) where program_id = $1",
        UUID(program_id),
    )
    return {row["customer_id"]: row["available"] for row in rows}
