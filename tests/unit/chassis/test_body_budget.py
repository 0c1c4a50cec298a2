"""The budget of memory for large bodies: shares of tenants, turns, and what a request that gives up leaves behind."""

import asyncio
from uuid import UUID

import pytest

from chassis.core.problems import Unavailable
from chassis.http.body_budget import BodyBudget, Reservation

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))


async def soon(budget: BodyBudget, tenant: UUID, size: int) -> "asyncio.Task[Reservation]":
    """Begin to reserve, and return the task once it has a reservation or waits."""
    task = asyncio.ensure_future(budget.reserve(tenant, size))
    await asyncio.sleep(0)
    return task


async def test_a_tenant_has_half_of_the_budget_and_leaves_the_rest_to_others() -> None:
    budget = BodyBudget(100)
    first = await budget.reserve(FIRST, 30)
    waiting = await soon(budget, FIRST, 30)
    assert not waiting.done()
    await budget.reserve(SECOND, 50)
    first.release()
    await waiting
    assert budget.used == {FIRST: 30, SECOND: 50}


async def test_a_body_larger_than_a_share_takes_the_whole_share() -> None:
    budget = BodyBudget(100)
    reservation = await budget.reserve(FIRST, 1_000)
    assert budget.used == {FIRST: 50}
    reservation.release()
    reservation.release()  # has no effect
    assert budget.used == {}


async def test_the_requests_of_a_tenant_keep_their_order() -> None:
    budget = BodyBudget(100)
    held = await budget.reserve(FIRST, 40)
    large, small = await soon(budget, FIRST, 50), await soon(budget, FIRST, 1)
    assert not small.done()  # it would fit, but the large one would then wait for ever
    held.release()
    (await large).release()
    await small


async def test_a_full_budget_refuses_after_the_deadline() -> None:
    budget = BodyBudget(100, wait_seconds=0.01)
    for tenant in (FIRST, SECOND):
        await budget.reserve(tenant, 50)
    with pytest.raises(Unavailable) as refused:
        await budget.reserve(THIRD, 10)
    assert refused.value.headers["Retry-After"] == "1"
    assert budget.used == {FIRST: 50, SECOND: 50}


async def test_a_request_that_gives_up_leaves_its_turn_to_the_next() -> None:
    budget = BodyBudget(100)
    held = await budget.reserve(FIRST, 50)
    leaving, staying = await soon(budget, FIRST, 50), await soon(budget, FIRST, 50)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    held.release()
    await staying
    assert budget.used == {FIRST: 50}


async def test_a_request_that_gives_up_at_its_turn_returns_it() -> None:
    budget = BodyBudget(100)
    held = await budget.reserve(FIRST, 50)
    leaving = await soon(budget, FIRST, 50)
    held.release()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert budget.used == {}
