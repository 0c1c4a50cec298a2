"""Measures of customer value. Plain values in, plain values out."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from typing_extensions import TypeAliasType

from services.analytics.facts.rules import divide, share

RfmSegment = TypeAliasType(
    "RfmSegment", Literal["champions", "loyal", "promising", "new", "at_risk", "hibernating", "needs_attention"]
)


def gini(weighted: int, total: int, count: int) -> float:
    """Return the Gini coefficient of `count` values: G = 2 sum(i v_i) / (n sum v) - (n + 1) / n, with v ascending.

    `weighted` is sum(i v_i), with i from 1, and `total` is sum v. The coefficient is 0 if the total is.
    """
    return share(2 * weighted - (count + 1) * total, count * total)


@dataclass(frozen=True, slots=True)
class ClvTerms:
    """The terms of the simple customer lifetime value. Rates are fractions, not percentages."""

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
    """Return the simple customer lifetime value, rounded half up to cents. The first period counts in full (t = 0).

    With full retention and no discount it is average value x purchases per period x periods. Fractions are exact for
    all terms, while a decimal context limits the digits.
    """
    per_period = Fraction(terms.average_value) * Fraction(terms.purchases_per_period) * Fraction(terms.margin)
    factor = Fraction(terms.retention) / (1 + Fraction(terms.discount_rate))
    counted = Fraction(terms.periods) if factor == 1 else (1 - factor**terms.periods) / (1 - factor)
    cents = (per_period * counted - Fraction(terms.acquisition_cost)) * 100
    return Decimal(f"{divide(cents.numerator, cents.denominator)}E-2")


def rfm_segment(recency: int, frequency: int, monetary: int) -> RfmSegment:
    """Return the name of an RFM cell. Scores are 1 to 5, and 5 is best. The first rule that matches applies."""
    if recency >= 4 and frequency >= 4 and monetary >= 4:
        return "champions"
    if recency >= 3 and frequency >= 4:
        return "loyal"
    if recency >= 4:
        return "promising" if frequency >= 2 else "new"
    if recency <= 2 and frequency >= 4:
        return "at_risk"
    return "hibernating" if recency <= 2 else "needs_attention"
