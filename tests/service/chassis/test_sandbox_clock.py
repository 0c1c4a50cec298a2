"""A sandbox clock in a service: reactions never run before their cause, and tasks run as soon as it has moved."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from chassis import Feature
from chassis.messaging.periodic import PeriodicTasks
from chassis.types.ids import uuid7
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_running_program, membership_path, on, points_of
from tests.support.service import ServiceUnderTest

JANUARY, JUNE = "2026-01-05T10:00:00Z", "2026-06-05T10:00:00Z"


@pytest.fixture
async def loyalty(running_loyalty: ServiceUnderTest) -> ServiceUnderTest:
    """Provide loyalty to a sandbox whose clock is frozen in January."""
    return await running_loyalty.for_new_tenant(kind="sandbox", clock_at=JANUARY)


async def settled(loyalty: ServiceUnderTest) -> dict[str, Any] | None:
    facts: dict[str, Any] | None = (await loyalty.get("/internal/status")).json()["settled_facts"]
    return facts


async def follow(tasks: PeriodicTasks, loyalty: ServiceUnderTest, *, until_settled: bool = True) -> None:
    """Let a worker follow its tenants until this one is settled, or for a moment."""
    following = asyncio.create_task(tasks.follow_tenants())
    with suppress(TimeoutError):
        async with asyncio.timeout(20 if until_settled else 0.5):
            while await settled(loyalty) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_reaction_to_an_event_from_later_sees_that_time(loyalty: ServiceUnderTest) -> None:
    """The purchase was recorded after the clock moved, and overtook the event that says so."""
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("3.00", customer, at=JUNE, time=JUNE))
    path = await membership_path(loyalty, customer)
    (entry,) = (await loyalty.get(f"{path}/entries")).json()["items"]
    assert (entry["occurred_at"], entry["recorded_at"]) == (JUNE, JUNE)


async def test_tasks_run_as_soon_as_the_clock_has_moved(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty, expiry_policy="rolling_months", expiry_months=3)
    customer = uuid7()
    await loyalty.deliver(purchase_recorded("3.00", customer, at=JANUARY))
    tasks = PeriodicTasks(loyalty.shared.worker_pool, loyalty.service.tasks)
    await follow(tasks, loyalty)
    await loyalty.published()
    later = await on(loyalty, "2026-06-05")
    assert await settled(later) is None, "the tasks have not run with the new clock yet"
    assert await points_of(later, customer) == 0
    await follow(tasks, later)
    assert [event.type for event in await later.published()] == ["loyalty.points_expired.v1"]
    facts = await settled(later)
    assert facts is not None
    assert facts["clock_at"] == "2026-06-05T12:00:00Z"


async def test_a_clock_is_not_settled_while_a_task_fails(loyalty: ServiceUnderTest) -> None:
    feature, fails = Feature("failing"), [True]

    @feature.periodic(every=timedelta(hours=1))
    async def fail_at_first(work: Any) -> bool:
        if fails[0] and work.tenant.id == loyalty.tenant.id:
            raise RuntimeError
        return False

    tasks = PeriodicTasks(loyalty.shared.worker_pool, feature.tasks)
    await follow(tasks, loyalty, until_settled=False)
    assert await settled(loyalty) is None
    fails[0] = False
    await follow(tasks, loyalty)
    assert await settled(loyalty) is not None
