"""How figures are made of facts. Plain values in, plain values out."""

from collections.abc import Sequence
from decimal import Decimal

SHARE_DIGITS = 8


def share(part: int, whole: int) -> float:
    """A part of a whole between 0 and 1, to eight digits; 0 of nothing."""
    return float(round(Decimal(part) / Decimal(whole), SHARE_DIGITS)) if whole else 0.0


def gini(weighted: int, total: int, count: int) -> float:
    """The Gini coefficient of `count` values, G = 2 sum(i v_i) / (n sum v) - (n + 1) / n, i rising with v.

    `weighted` is sum(i v_i), `total` sum v. 0 when nothing was earned.
    """
    if not total:
        return 0.0
    exact = Decimal(2 * weighted) / (Decimal(count) * total) - Decimal(count + 1) / count
    return float(round(exact, SHARE_DIGITS))


def gini_of(values: Sequence[int]) -> float:
    """The coefficient of values in any order."""
    ordered = sorted(values)
    return gini(sum(place * value for place, value in enumerate(ordered, 1)), sum(ordered), len(ordered))
