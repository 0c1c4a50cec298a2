"""Figures of surveys: Net Promoter Score, customer satisfaction and effort. Null without answers.

All figures are rounded half up from exact decimals. Binary floats would round 62.25 to 62.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from services.interactions.feedback.rules.surveys import LOWEST_PASSIVE, LOWEST_PROMOTER

Counts = Mapping[int, int]
"""The number of answers by score."""
FEW = 30
"""Below this number of answers, a figure says little."""
_Z = Decimal("1.959964")
"""The quantile of the normal distribution for an interval of 95 %."""
_HUNDRED = Decimal(100)
LOWEST_SATISFIED = 4
LOWEST_EASY = 5


@dataclass(frozen=True, slots=True)
class NetPromoterScore:
    """The groups of an NPS question, its score, and the interval of the score."""

    promoters: int
    passives: int
    detractors: int
    score: Decimal | None
    lower: Decimal | None
    upper: Decimal | None


def net_promoter_score(counts: Counts) -> NetPromoterScore:
    """Return the NPS: 100 * (promoters - detractors) / n, with its 95 % interval.

    The interval is the adjusted Wald interval: 3 answers are added, of which 3/4 are promoters and 3/4 detractors. Of
    six methods it covers best (B. Rocks, "Interval estimation for the Net Promoter Score", The American Statistician
    70(4), 2016).
    """
    n = sum(counts.values())
    promoters = sum(count for score, count in counts.items() if score >= LOWEST_PROMOTER)
    detractors = sum(count for score, count in counts.items() if score < LOWEST_PASSIVE)
    groups = (promoters, n - promoters - detractors, detractors)
    if n == 0:
        return NetPromoterScore(*groups, None, None, None)
    with localcontext(prec=40):
        size = Decimal(n + 3)
        share_up, share_down = (promoters + Decimal("0.75")) / size, (detractors + Decimal("0.75")) / size
        centre = share_up - share_down
        margin = _Z * ((share_up + share_down - centre**2) / size).sqrt()
        lower, upper = max(Decimal(-1), centre - margin), min(Decimal(1), centre + margin)
        score = _HUNDRED * (promoters - detractors) / n
    return NetPromoterScore(*groups, rounded(score, 1), rounded(_HUNDRED * lower, 1), rounded(_HUNDRED * upper, 1))


def satisfied_percent(counts: Counts) -> Decimal | None:
    """Return the percentage of CSAT scores of 4 and 5, on the scale from 1 to 5."""
    return percent_from(counts, LOWEST_SATISFIED)


def easy_percent(counts: Counts) -> Decimal | None:
    """Return the percentage of the three highest CES scores: 5 to 7, on the scale from 1 to 7."""
    return percent_from(counts, LOWEST_EASY)


def percent_from(counts: Counts, lowest: int) -> Decimal | None:
    """Return the percentage of scores from a score on, or None without answers."""
    n = sum(counts.values())
    if n == 0:
        return None
    return rounded(_HUNDRED * sum(count for score, count in counts.items() if score >= lowest) / n, 1)


def mean(counts: Counts) -> Decimal | None:
    """Return the mean score, or None without answers."""
    n = sum(counts.values())
    return None if n == 0 else rounded(Decimal(sum(score * count for score, count in counts.items())) / n, 2)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Return a figure rounded half up, away from zero. Never -0."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0
