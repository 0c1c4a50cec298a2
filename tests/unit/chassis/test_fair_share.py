"""Fair shares: who gets a slot, who waits, and in which turn."""

import asyncio
from contextlib import AsyncExitStack, suppress
from uuid import UUID

import pytest

from chassis.core.fair_share import FairShare, NoSlotInTime, ShareExceeded

BUSY, QUIET, THIRD = (UUID(int=number) for number in (1, 2, 3))
SOON = 0.02


async def taken(share: FairShare, tenant: UUID, at_most: int = 100) -> int:
    """Take slots until none is granted at once, and return their number."""
    for count in range(at_most):
        with suppress(ShareExceeded, NoSlotInTime):
            await share.take(tenant, SOON)
            continue
        return count
    return at_most


async def test_a_tenant_that_is_alone_leaves_a_part_for_the_next_one() -> None:
    share = FairShare(16, max_waiting=10)
    assert await taken(share, BUSY) == 12
    assert await taken(share, QUIET) == 4


async def test_tenants_that_are_present_get_equal_parts_and_one_stays_free() -> None:
    share = FairShare(16, max_waiting=10)
    async with share.slot(QUIET, SOON):
        pass
    assert await taken(share, BUSY) == 5
    assert await taken(share, QUIET) == 5


async def test_a_free_slot_goes_to_the_tenant_with_the_fewest() -> None:
    share = FairShare(4, max_waiting=100)
    assert await taken(share, BUSY) == 3
    crowd = [asyncio.create_task(share.take(BUSY, 10)) for _ in range(50)]
    await share.take(QUIET, SOON)
    second = asyncio.create_task(share.take(QUIET, 10))
    await asyncio.sleep(0)
    share.release(BUSY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert second.done()
    assert not any(one.done() for one in crowd)
    for one in crowd:
        one.cancel()


async def test_tenants_with_as_many_slots_have_turns() -> None:
    share = FairShare(2, max_waiting=100)
    await share.take(THIRD, SOON)
    order: list[UUID] = []

    async def visit(tenant: UUID) -> None:
        async with share.slot(tenant, 10):
            order.append(tenant)
            await asyncio.sleep(0.001)

    await share.take(QUIET, SOON)
    visits = [asyncio.create_task(visit(tenant)) for tenant in [BUSY] * 4 + [QUIET] * 4]
    await asyncio.sleep(0)
    share.release(QUIET)
    await asyncio.gather(*visits)
    assert order == [BUSY, QUIET] * 4


async def test_a_wait_ends_in_time_and_says_whose_fault_it_was() -> None:
    share = FairShare(2, max_waiting=1)
    await share.take(BUSY, SOON)
    with pytest.raises(ShareExceeded):
        await share.take(BUSY, SOON)
    await share.take(QUIET, SOON)
    with pytest.raises(NoSlotInTime):
        await share.take(THIRD, SOON)


async def test_only_so_many_requests_of_a_tenant_wait() -> None:
    share = FairShare(2, max_waiting=3)
    await share.take(BUSY, SOON)
    waiting = [asyncio.create_task(share.take(BUSY, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(SOON):
        with pytest.raises(ShareExceeded):
            await share.take(BUSY, 10)
    for one in waiting:
        one.cancel()


@pytest.mark.parametrize("moment", range(4))
async def test_a_caller_that_is_cancelled_leaves_no_slot_behind(moment: int) -> None:
    """Also if its turn comes at the same moment, before or after the cancellation."""
    share = FairShare(4, max_waiting=10)
    async with AsyncExitStack() as slots:
        for _ in range(3):
            await slots.enter_async_context(share.slot(BUSY, SOON))
        waiting = asyncio.create_task(share.take(BUSY, 10))
        await asyncio.sleep(0)
        if moment == 0:
            waiting.cancel()
        share.release(BUSY)
        if moment == 1:
            waiting.cancel()
        if moment > 1:
            await asyncio.sleep(0)
            waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
            share.release(BUSY)
        await share.take(BUSY, SOON)
    assert await taken(share, BUSY) == 3
