"""Fixtures: the clock is that of this process, because there is no database to compare it with."""

from datetime import UTC, datetime

import pytest

from chassis.core.clock import clock


@pytest.fixture(autouse=True)
def compared_clock() -> None:
    """Let transactions begin without a connection."""
    if not clock.was_compared:
        clock.compare(datetime.now(UTC), 0.0)
