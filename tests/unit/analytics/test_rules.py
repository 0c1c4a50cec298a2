"""The arithmetic of the analytics figures."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.facts.rules import divide, share
from services.analytics.retention.rules import retention_rate
from services.analytics.value.rules import RfmSegment, rfm_segment
from tests.support.analytics import gini_of


@pytest.mark.parametrize(
    ("case", "dividend", "divisor", "expected"),
    [
        ("a half is rounded up", 25, 2, 13),
        ("a half of nothing even", 1, 2, 1),
        ("less than a half is rounded down", 4, 3, 1),
        ("negative halves are rounded away from zero", -25, 2, -13),
        ("beyond the integers that a float holds", 3 * (2**53 + 1), 3, 2**53 + 1),
    ],
)
def test_divide(case: str, dividend: int, divisor: int, expected: int) -> None:
    assert divide(dividend, divisor) == expected


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_divide_rounds_as_decimals_do(dividend: int, divisor: int) -> None:
    with localcontext(prec=60):
        assert divide(dividend, divisor) == (Decimal(dividend) / divisor).to_integral_value(ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("case", "part", "whole", "expected"),
    [("eight digits", 1, 3, 0.33333333), ("of nothing", 0, 0, 0.0), ("all", 5, 5, 1.0)],
)
def test_share(case: str, part: int, whole: int, expected: float) -> None:
    assert share(part, whole) == expected


@pytest.mark.parametrize(
    ("case", "values", "expected"),
    [
        ("all equal", [5, 5, 5, 5], 0.0),
        ("one has everything", [0, 0, 0, 100], 0.75),
        ("no values", [], 0.0),
        ("nothing to distribute", [0], 0.0),
    ],
)
def test_gini(case: str, values: list[int], expected: float) -> None:
    assert gini_of(values) == expected


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any))
def test_gini_is_half_the_relative_mean_difference(values: list[int]) -> None:
    """The coefficient has another definition: sum |x_i - x_j| / (2 n^2 mean)."""
    differences = sum(abs(left - right) for left in values for right in values)
    other_definition = Fraction(differences, 2 * len(values) * sum(values))
    assert abs(gini_of(values) - float(other_definition)) < 1e-8


@pytest.mark.parametrize(
    ("scores", "segment"),
    [
        ((5, 5, 5), "champions"),
        ((4, 4, 3), "loyal"),
        ((3, 4, 5), "loyal"),
        ((5, 2, 5), "promising"),
        ((4, 1, 1), "new"),
        ((2, 4, 5), "at_risk"),
        ((2, 3, 5), "hibernating"),
        ((3, 3, 5), "needs_attention"),
    ],
)
def test_rfm_segment(scores: tuple[int, int, int], segment: RfmSegment) -> None:
    assert rfm_segment(*scores) == segment


@pytest.mark.parametrize(
    ("case", "at_start", "at_end", "new", "rate"),
    [("half of them", 2, 2, 1, 0.5), ("all of them", 3, 3, 0, 1.0), ("no customers at the start", 0, 5, 5, None)],
)
def test_retention_rate(case: str, at_start: int, at_end: int, new: int, rate: float | None) -> None:
    assert retention_rate(at_start, at_end, new) == rate
