"""Crimes: what is done to the system in the middle of a load, and what must hold afterwards.

Every purchase that was acknowledged has its points exactly once, whoever was killed meanwhile.
"""

import asyncio
import signal
from collections import Counter
from uuid import UUID

import pytest

from chassis.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points

WRITERS, PURCHASES, CUSTOMERS = 8, 240, 30


async def a_load(visitor: Visitor, customers: list[UUID], sent: Counter[UUID], begun: asyncio.Event) -> None:
    """Parallel writers, each purchase sent until it is acknowledged."""
    numbers = iter(range(PURCHASES))

    async def write() -> None:
        for number in numbers:
            customer = customers[number % len(customers)]
            body = a_purchase(customer, lines=[{"sku": "tea", "quantity": 1, "amount": f"{number % 9 + 1}.50"}])
            answer = await visitor.insist("POST", "/v1/purchases", json=body)
            assert answer.status_code in (200, 201), answer.text
            sent[customer] += number % 9 + 1
            if number == PURCHASES // 4:
                begun.set()

    await asyncio.gather(*(write() for _ in range(WRITERS)))


async def points_by_customer(stack: RunningStack, program_id: str) -> dict[UUID, int]:
    rows = await stack.rows(
        "loyalty",
        "select customer_id, available from wallet join membership using (tenant_id, id) where program_id = $1",
        UUID(program_id),
    )
    return {row["customer_id"]: row["available"] for row in rows}


@pytest.mark.parametrize("victim", ["interactions", "loyalty", "gateway", "postgres", "kafka"])
async def test_a_kill_in_the_middle_of_a_load_loses_and_doubles_nothing(
    stack: RunningStack, visitor: Visitor, victim: str
) -> None:
    program = await a_program_with_points(visitor)
    customers = [uuid7() for _ in range(CUSTOMERS)]
    sent: Counter[UUID] = Counter()
    begun = asyncio.Event()
    load = asyncio.create_task(a_load(visitor, customers, sent, begun))
    await asyncio.wait([asyncio.create_task(begun.wait()), load], return_when=asyncio.FIRST_COMPLETED)
    pid = stack.kill(victim, signal.SIGKILL)
    await load
    await stack.revived(victim, pid)
    status = await visitor.drained()
    assert sum(sent.values()) == sum(number % 9 + 1 for number in range(PURCHASES))
    assert await points_by_customer(stack, program) == sent
    assert (await visitor.insist("GET", "/v1/ledger/verify")).json()["differences"] == []
    assert {one["dead_letters"] for one in status["services"].values()} == {0}
    assert stack.command("rebuild", "analytics", "--check") == ""


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
        import os

        os.kill(pid, signal.SIGCONT)
    await visitor.drained()
    assert await points_by_customer(stack, program) == {customer: 5}


async def test_an_unreadable_event_is_parked_and_the_rest_flows(stack: RunningStack, visitor: Visitor) -> None:
    from aiokafka import AIOKafkaProducer

    from tests.system.test_stories import kafka_port

    program = await a_program_with_points(visitor)
    before = (await visitor.drained())["services"]["loyalty"]["dead_letters"]
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{kafka_port(stack)}")
    await producer.start()
    try:
        for partition in range(12):
            await producer.send_and_wait("rapport.interactions", b"\xff not json", partition=partition)
    finally:
        await producer.stop()
    customer = uuid7()
    await visitor.request("POST", "/v1/purchases", json=a_purchase(customer))
    status = await visitor.drained()
    assert status["services"]["loyalty"]["dead_letters"] == before + 12
    assert await points_by_customer(stack, program) == {customer: 5}
    assert "unreadable envelope" in stack.command("dead-letters", "list", "loyalty")
    for service in ("loyalty", "analytics"):
        await stack.rows(service, "delete from chassis.dead_letter")
