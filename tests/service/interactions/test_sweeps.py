"""Sweeps of clocks: those that are due are found among many, and each is announced once."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from chassis.messaging.periodic import run_once
from tests.support.service import ServiceUnderTest

NOW = datetime(2026, 11, 6, 10, tzinfo=UTC)
SECONDS = 5.0
"""How long a sweep of 100,000 running clocks may take (docs/benchmarks.md)."""

CASES = """
    insert into support_case (tenant_id, id, version, created_at, updated_at, number, kind, subject, channel, priority,
        state, escalation, reopened_count, step_count, opened_by, opened_at)
    select '{tenant}', uuidv7(), 1, '{now}', '{now}', number, 'request', 'Kettle', 'phone', 'normal',
        'received', 'none', 0, 1, 'test', '{now}'
    from generate_series(1, {count}) as number
"""
CLOCKS = """
    insert into sla_clock (tenant_id, id, case_id, kind, cycle, state, policy_id, policy_version, target_us,
        target_time, active_us, started_at, due_at, due_order, attention_at, thresholds, warned)
    select '{tenant}', uuidv7(), id, 'resolution', 1, 'running', id, 1, 3600000000, 'elapsed', 0, '{now}', due_at,
        due_at, case when number % 100 = 1 then warned_at else due_at end,
        case when number % 100 = 1 then jsonb_build_array(jsonb_build_object('percent', 50, 'at', warned_at)) else '[]'
        end, '[]'
    from (
        select id, number, '{now}'::timestamptz + case number % 100 when 0 then '-1 h' else '1 h' end::interval
                as due_at,
            '{now}'::timestamptz - '1 h'::interval as warned_at
        from support_case where tenant_id = '{tenant}'
    ) as cases
"""


async def with_clocks(interactions: ServiceUnderTest, count: int) -> ServiceUnderTest:
    """Return a sandbox with so many running clocks: a hundredth due for a warning, and a hundredth for a breach."""
    shop = await interactions.for_new_tenant(kind="sandbox", clock_at=NOW)
    values = {"tenant": shop.tenant.id, "now": NOW.isoformat(), "count": count}
    await shop.as_owner(CASES.format(**values), CLOCKS.format(**values), "analyze sla_clock")
    return shop


async def sweep(shop: ServiceUnderTest) -> float:
    """Sweep until nothing is due. Return the seconds."""
    (task,) = [task for task in shop.service.tasks if task.run.__name__ == "sweep_clocks"]
    began = time.perf_counter()
    while await run_once(shop.shared.worker_pool, task, shop.tenant):
        pass
    return time.perf_counter() - began


async def told(shop: ServiceUnderTest) -> dict[str, int]:
    types = [event.type for event in await shop.published()]
    return {type: types.count(type) for type in sorted(set(types))}


def expected(count: int) -> dict[str, int]:
    return {"interactions.sla_breached.v1": count // 100, "interactions.sla_warned.v1": count // 100}


async def test_two_sweeps_at_once_announce_each_clock_once(interactions: ServiceUnderTest) -> None:
    shop = await with_clocks(interactions, 5_000)
    await asyncio.gather(sweep(shop), sweep(shop))
    await sweep(shop)
    assert await told(shop) == expected(5_000)


@pytest.mark.slow
@pytest.mark.alone
async def test_a_sweep_of_100_000_running_clocks_takes_less_than_five_seconds(interactions: ServiceUnderTest) -> None:
    shop = await with_clocks(interactions, 100_000)
    seconds = await sweep(shop)
    print(f"a sweep of 100,000 running clocks, 2,000 of them due: {seconds:.2f} s")
    assert seconds < SECONDS
    assert await told(shop) == expected(100_000)
