"""The clock: the database's time goes on by the monotonic clock, and a clock that differs is noticed."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.core.clock import Clock, ClockUnreliable

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self) -> None:
        self.wall = NOON.timestamp()
        self.monotonic = 1_000.0
        self.clock = Clock(lambda: self.wall, lambda: self.monotonic)

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_the_databases_clock_counts() -> None:
    machine = Machine()
    machine.clock.compare(NOON - timedelta(seconds=3), 0)
    machine.pass_time(10)
    assert machine.clock.now() == NOON + timedelta(seconds=7)
    machine.clock.check()


@pytest.mark.parametrize("leap", [400 * 86_400, -400 * 86_400, 6, -6])
def test_a_leap_of_the_processs_clock_is_noticed_before_the_next_comparison(leap: float) -> None:
    machine = Machine()
    machine.clock.compare(NOON, 0)
    machine.wall += leap
    assert machine.clock.now() == NOON
    with pytest.raises(ClockUnreliable):
        machine.clock.check()
    machine.wall -= leap
    machine.clock.check()


@pytest.mark.parametrize("difference", [400 * 86_400, -400 * 86_400, 6, -6])
def test_a_process_whose_clock_differs_does_not_write_until_they_agree(difference: float) -> None:
    machine = Machine()
    machine.clock.compare(NOON + timedelta(seconds=difference), 0)
    with pytest.raises(ClockUnreliable):
        machine.clock.check()
    machine.pass_time(5)
    machine.clock.compare(NOON + timedelta(seconds=5), 0)
    machine.clock.check()


def test_small_differences_are_normal() -> None:
    machine = Machine()
    machine.clock.compare(NOON + timedelta(seconds=4), 0.2)
    machine.clock.check()
    assert machine.clock.now() == NOON + timedelta(seconds=4.1)


def test_a_slow_answer_says_nothing() -> None:
    machine = Machine()
    machine.clock.compare(NOON + timedelta(days=1), 1.5)
    assert not machine.clock.was_compared
    assert machine.clock.now() == NOON


def test_both_clocks_may_be_set_together() -> None:
    """A host whose clock was wrong is corrected: PostgreSQL and the process on it agree again at the comparison."""
    machine = Machine()
    machine.clock.compare(NOON, 0)
    machine.wall -= 30
    machine.clock.compare(NOON - timedelta(seconds=30), 0)
    machine.clock.check()
    assert machine.clock.now() == NOON - timedelta(seconds=30)
