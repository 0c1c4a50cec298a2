"""How much is measured: a whole run, or a short one that tries the harness itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How many, and how long."""

    customers: int = 100_000
    rounds: int = 3
    seconds: float = 4.0
    """Of each kind of work in a round."""
    yardstick_seconds: int = 2
    settling_seconds: float = 1.5
    """After each kind of work, so that the next one does not pay for its events."""
    points_seconds: float = 10.0
    step_seconds: float = 5.0
    events: int = 50_000
    refunds: int = 4_000
    """More than a consumer takes at once: what is seen of it are its commits."""


WHOLE = Sizes()
QUICK = Sizes(
    customers=6_000,
    rounds=1,
    seconds=1.0,
    yardstick_seconds=2,
    settling_seconds=0.5,
    points_seconds=4.0,
    step_seconds=2.0,
    events=5_000,
    refunds=2_500,
)
