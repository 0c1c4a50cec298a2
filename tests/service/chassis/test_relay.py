"""The relay as one object; what it does with Kafka stands in tests/system."""

import asyncio

import pytest

from chassis.relay import Relay
from chassis.telemetry import Metrics
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("steps", range(4))
async def test_a_relay_that_is_woken_and_ended_at_one_moment_ends(loyalty: ServiceUnderTest, steps: int) -> None:
    """Else a worker that is told to stop while it is busy would go on for ever."""
    relay = Relay(loyalty.service.settings, "loyalty", Metrics())
    resting = asyncio.create_task(relay._rest())
    await asyncio.sleep(0.01)
    relay.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    if resting.cancel():  # it was not done yet
        with pytest.raises(asyncio.CancelledError):
            await resting
