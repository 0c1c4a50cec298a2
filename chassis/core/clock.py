"""The clock of the process: the time of its database, carried on by the monotonic clock.

Expiry, activation and holds are decided by time and cannot be taken back. So the database's clock decides, which all
processes of a service share. A process whose own clock differs from it, or has leapt since they were compared, does not
write: one of the two is wrong, and it is not known which.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from chassis.core.problems import Unavailable
from chassis.core.telemetry import log

MAX_DIFFERENCE_SECONDS = 5.0
MAX_ROUND_TRIP_SECONDS = 1.0
"""A slower answer says too little about the time."""
COMPARE_SECONDS = 5.0
"""How often the clocks are compared."""


class ClockUnreliable(Unavailable, status=503):
    """The clock of the server differs from its database's, so it does not write.

    Nothing was changed. Set the clocks of both machines by NTP. The server goes on by itself when they agree.
    """


class Clock:
    """The time of a process, compared with its database's."""

    def __init__(
        self, wall: Callable[[], float] = lambda: time.time(), monotonic: Callable[[], float] = lambda: time.monotonic()
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset: float | None = None
        """The database's time minus the monotonic clock, or None before the first comparison."""
        self._own_offset = 0.0
        """This process's time minus the monotonic clock, at the last comparison."""
        self._compared_at = float("-inf")
        self.difference_seconds = 0.0
        """This process's time minus the database's, at the last comparison."""

    def now(self) -> datetime:
        """Return the time of the database. Before the first comparison, that of this process."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def timestamp(self) -> float:
        """Return the same as seconds since 1970."""
        return self._wall() if self._offset is None else self._monotonic() + self._offset

    @property
    def was_compared(self) -> bool:
        """True after the first comparison."""
        return self._offset is not None

    @property
    def is_due(self) -> bool:
        """True if the clocks should be compared again."""
        return self._monotonic() - self._compared_at >= COMPARE_SECONDS

    @property
    def is_reliable(self) -> bool:
        """True if both clocks agreed at the last comparison, and this process's clock has not leapt since."""
        leap = self._wall() - self._monotonic() - self._own_offset
        return self._offset is not None and max(abs(leap), abs(self.difference_seconds)) <= MAX_DIFFERENCE_SECONDS

    def check(self) -> None:
        """Raise ClockUnreliable unless the clock is reliable."""
        if not self.is_reliable:
            raise ClockUnreliable(f"The clock differs from the database's by {self.difference_seconds:.0f} seconds.")

    def compare(self, database: datetime, round_trip_seconds: float) -> None:
        """Compare with the database's time, which has just arrived."""
        if round_trip_seconds > MAX_ROUND_TRIP_SECONDS:
            return
        monotonic = self._compared_at = self._monotonic()
        was_reliable = self._offset is None or self.is_reliable
        then = database.timestamp() + round_trip_seconds / 2
        self._own_offset = self._wall() - monotonic
        self.difference_seconds = self._wall() - then
        self._offset = then - monotonic
        if was_reliable and not self.is_reliable:
            log.error("the clock differs from the database's: nothing is written", seconds=self.difference_seconds)
        elif self.is_reliable and not was_reliable:
            log.info("the clock agrees with the database's again")


clock = Clock()
