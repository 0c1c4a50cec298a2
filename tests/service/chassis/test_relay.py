"""The relay as a single object: its shutdown. Its work with Kafka is tested in tests/system."""

import asyncio

import pytest

from chassis.core.telemetry import Metrics
from chassis.messaging.relay import Relay
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("steps", range(4))
async def test_a_relay_that_is_woken_and_ended_at_one_moment_ends(loyalty: ServiceUnderTest, steps: int) -> None:
    """Otherwise a worker that is asked to stop while it is busy would run forever."""
    relay = Relay(loyalty.shared.running.settings, "loyalty", Metrics())
    resting = asyncio.create_task(relay._wait_for_work())
    await asyncio.sleep(0.01)
    relay.notify()
    for _ in range(steps):
        await asyncio.sleep(0)
    if resting.cancel():  # the task was still running
        with pytest.raises(asyncio.CancelledError):
            await resting
