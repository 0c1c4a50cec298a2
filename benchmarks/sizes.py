"""The size of a run: a whole run, or a quick run that tests the harness itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Amounts and durations of the measurements."""

    customers: int = 100_000
    rounds: int = 3
    seconds: float = 4.0
    """Per kind of work and round."""
    yardstick_seconds: int = 2
    settling_seconds: float = 1.5
    """Pause after each kind of work, so that its events do not slow down the next."""
    points_seconds: float = 10.0
    step_seconds: float = 5.0
    imported_rows: int = 50_000
    events: int = 50_000
    refunds: int = 4_000
    """More than a consumer fetches at once, because its progress is visible only when it commits."""


WHOLE = Sizes()
QUICK = Sizes(
    customers=6_000,
    rounds=1,
    seconds=1.0,
    yardstick_seconds=2,
    settling_seconds=0.5,
    points_seconds=4.0,
    step_seconds=2.0,
    imported_rows=3_000,
    events=5_000,
    refunds=2_500,
)
