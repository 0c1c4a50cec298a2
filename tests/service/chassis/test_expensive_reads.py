"""Expensive reads: a budget per tenant, and a clear problem at the time limit of a statement."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from chassis.http import handler
from tests.support.service import ServiceUnderTest
from tests.support.tenancy import tried_as_superuser

EXPENSIVE = "/v1/ledger/verify"


async def test_a_tenant_that_reads_everything_all_the_time_delays_no_other(
    running_loyalty: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "EXPENSIVE_WAIT_SECONDS", 0.1)
    busy, quiet = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    budget = busy.shared.running.expensive_reads
    async with AsyncExitStack() as running:
        for _ in range(2):
            await running.enter_async_context(budget.slot(busy.tenant.id, 1))
        refused = await busy.get(EXPENSIVE)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "5"
        assert (await busy.get("/v1/programs")).status_code == 200
        assert (await quiet.get(EXPENSIVE)).status_code == 200
    assert (await busy.get(EXPENSIVE)).status_code == 200


async def test_a_read_beyond_the_time_limit_gets_a_problem_that_says_so(loyalty: ServiceUnderTest) -> None:
    """The statement waits for a lock until it is cancelled, as the time limit would cancel it."""
    async with tried_as_superuser(loyalty.data_dir, "loyalty") as connection:
        await connection.execute("lock table program")
        reading = asyncio.create_task(loyalty.get("/v1/programs"))
        while not await connection.fetchval(CANCEL_THOSE_THAT_WAIT):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        answer = await reading
    assert (answer.status_code, answer.json()["code"]) == (503, "time_limit_exceeded")
    assert (await loyalty.get("/v1/programs")).status_code == 200


CANCEL_THOSE_THAT_WAIT = """
    select count(pg_cancel_backend(pid)) from pg_locks where relation = 'program'::regclass and not granted
"""
