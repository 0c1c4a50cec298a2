"""Ratings on any scale: the ends are 1 and 5 stars, and a better rating never has fewer stars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.voice.rules.reviews import hundredths_of_stars

scales = st.tuples(st.integers(-1_000, 999), st.integers(1, 1_000)).map(lambda pair: (pair[0], pair[0] + pair[1]))
shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("value", "lowest", "highest", "hundredths"),
    [
        (1, 1, 5, 100),
        (3.5, 1, 5, 350),
        (5, 1, 5, 500),
        (10, 1, 10, 500),
        (8, 1, 10, 411),
        (92, 0, 100, 468),
        (0, -1, 1, 300),
        (1.235, 1, 5, 124),
    ],
)
def test_ratings_become_stars(value: float, lowest: int, highest: int, hundredths: int) -> None:
    assert hundredths_of_stars(value, lowest, highest) == hundredths


@given(scales, shares, shares)
def test_stars_are_monotone_and_end_with_the_scale(scale: tuple[int, int], one: float, two: float) -> None:
    lowest, highest = scale
    worse, better = sorted(min(highest, max(lowest, lowest + share * (highest - lowest))) for share in (one, two))
    stars = [hundredths_of_stars(value, lowest, highest) for value in (lowest, worse, better, highest)]
    assert stars == sorted(stars)
    assert (stars[0], stars[-1]) == (100, 500)
