"""Outages and restarts of PostgreSQL and Kafka: which requests succeed or wait. No service restarts because of them."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from chassis.types.ids import uuid7
from tests.auditor.load import a_load
from tests.support.facts import a_customer, a_purchase
from tests.support.stack import RunningStack

pytestmark = pytest.mark.slow
PROCESSES = ("customers", "interactions", "loyalty", "analytics", "gateway")
AWAY_SECONDS = int(os.environ.get("RAPPORT_AWAY_SECONDS", "60"))
SOON = 8.0
"""Maximum seconds until a 503. A request may wait five seconds for a connection before it is rejected."""


@asynccontextmanager
async def away(stack: RunningStack, name: str) -> AsyncIterator[None]:
    """Kill a server, and keep the stack from restarting it during the block."""
    pid = stack.pid(name)
    stack.process.send_signal(signal.SIGSTOP)
    try:
        stack.kill(name)
        yield
    finally:
        stack.process.send_signal(signal.SIGCONT)
    await stack.revived(name, pid)


@pytest.fixture(autouse=True)
def nobody_is_restarted(stack: RunningStack) -> Iterator[None]:
    pids = [stack.pid(name) for name in PROCESSES]
    yield
    assert [stack.pid(name) for name in PROCESSES] == pids


async def test_while_kafka_is_away_everything_is_accepted_and_then_arrives_in_order(stack: RunningStack) -> None:
    async with a_load(stack, "Kafka is away") as load:
        async with away(stack, "kafka"):
            until = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < until:
                await load.further(100)  # the API works as usual
            status = (await load.visitors[0].request_until_answered("GET", "/v1/status")).json()
            interactions = status["services"]["interactions"]
            assert not status["drained"]
            assert interactions["outbox_pending"] > 0
            assert interactions["outbox_oldest_seconds"] > AWAY_SECONDS / 2
        await load.further(50)


async def test_while_postgresql_is_away_the_answer_is_a_quick_503(stack: RunningStack) -> None:
    async with a_load(stack, "PostgreSQL is away") as load:
        async with away(stack, "postgres"):
            for method, path, body in (
                ("GET", f"/v1/customers/{uuid7()}", None),
                ("POST", "/v1/customers", a_customer()),
                ("POST", "/v1/purchases", a_purchase()),
            ):
                asked = time.monotonic()
                answer = await load.visitors[0].request(method, path, json=body)
                assert answer.status_code == 503, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"]
                assert time.monotonic() - asked < SOON
        await load.further(100)


async def test_postgresql_is_restarted_under_load(stack: RunningStack) -> None:
    async with a_load(stack, "PostgreSQL is restarted") as load:
        for how in (signal.SIGINT, signal.SIGQUIT):  # fast shutdown, immediate shutdown
            pid = stack.kill("postgres", how)
            await stack.revived("postgres", pid)
            await load.further(80)
