"""How figures are made of facts. Plain values in, plain values out."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

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


@dataclass(frozen=True, slots=True)
class ClvTerms:
    """What the simple customer lifetime value is made of; rates are fractions, not per cent."""

    average_value: Decimal
    purchases_per_period: Decimal
    periods: int
    margin: Decimal = Decimal(1)
    retention: Decimal = Decimal(1)
    discount_rate: Decimal = Decimal(0)
    acquisition_cost: Decimal = Decimal(0)


CLV_FORMULA = (
    "sum over t = 0 .. periods - 1 of average_value * purchases_per_period * margin * "
    "(retention / (1 + discount_rate))^t, less acquisition_cost"
)


def simple_clv(terms: ClvTerms) -> Decimal:
    """The simple customer lifetime value, rounded half up to cents: the first period counts in full (t = 0).

    With full retention and no discount it is average value x purchases per period x periods.
    """
    a_period = terms.average_value * terms.purchases_per_period * terms.margin
    factor = terms.retention / (1 + terms.discount_rate)
    counted = Decimal(terms.periods) if factor == 1 else (1 - factor**terms.periods) / (1 - factor)
    return (a_period * counted - terms.acquisition_cost).quantize(Decimal("0.01"), ROUND_HALF_UP)


def rfm_segment(recency: int, frequency: int, monetary: int) -> str:
    """The name of an RFM cell; 5 is best. The first line that fits holds."""
    if recency >= 4 and frequency >= 4 and monetary >= 4:
        return "champions"
    if recency >= 3 and frequency >= 4:
        return "loyal"
    if recency >= 4:
        return "promising" if frequency >= 2 else "new"
    if recency <= 2 and frequency >= 4:
        return "at_risk"
    return "hibernating" if recency <= 2 else "needs_attention"


def retention_rate(at_start: int, at_end: int, new: int) -> float | None:
    """(customers at the end - new ones) / customers at the start; None when there were none to keep."""
    return share(at_end - new, at_start) if at_start else None
