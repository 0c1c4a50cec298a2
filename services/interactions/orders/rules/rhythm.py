"""How often a customer buys, and when the next purchase is expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from statistics import median

EXPECTATION_METHOD = "last day with a purchase + median gap between days with purchases, rounded half up to a day"
MIN_DAYS_FOR_EXPECTATION = 3
"""Two days have a single gap, which says nothing about the next one."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The gaps between days with purchases, in days. None where there are too few days."""

    days: int
    average_gap: Decimal | None
    median_gap: Decimal | None
    next_expected_on: date | None


def rhythm(days: Sequence[date]) -> Rhythm:
    """Return the rhythm of different days, in ascending order.

    Several purchases on a day count as one, so that a second receipt of the same visit is no gap of zero days.
    """
    gaps = [(after - before).days for before, after in pairwise(days)]
    if not gaps:
        return Rhythm(len(days), None, None, None)
    average = (Decimal(sum(gaps)) / len(gaps)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if len(days) < MIN_DAYS_FOR_EXPECTATION:
        return Rhythm(len(days), average, None, None)
    middle = Decimal(median(map(Decimal, gaps)))
    expected = days[-1] + timedelta(days=int(middle.quantize(Decimal(1), ROUND_HALF_UP)))
    return Rhythm(len(days), average, middle, expected)
