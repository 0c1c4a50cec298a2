"""How figures are made of facts."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.rules import gini, share


def gini_of(values: list[int]) -> float:
    """The coefficient of values in any order."""
    ordered = sorted(values)
    return gini(sum(place * value for place, value in enumerate(ordered, 1)), sum(ordered), len(ordered))


def test_shares() -> None:
    assert (share(1, 3), share(0, 0), share(5, 5)) == (0.33333333, 0.0, 1.0)


def test_the_gini_of_equals_is_nothing_and_of_one_who_has_all_nearly_one() -> None:
    assert gini_of([5, 5, 5, 5]) == 0.0
    assert gini_of([0, 0, 0, 100]) == 0.75
    assert gini_of([]) == gini_of([0]) == 0.0


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any))
def test_the_gini_is_half_the_mean_difference_by_the_mean(values: list[int]) -> None:
    """Its other definition: sum |x_i - x_j| / (2 n^2 mean)."""
    differences = sum(abs(one - other) for one in values for other in values)
    other_way = Fraction(differences, 2 * len(values) * sum(values))
    assert abs(gini_of(values) - float(other_way)) < 1e-8
