"""Ratings on any scale, and the stars from 1 to 5 that they are compared by."""

from decimal import ROUND_HALF_UP, Decimal

from typing_extensions import TypedDict

LOWEST_STARS, HIGHEST_STARS = 1, 5


class RatingDocument(TypedDict):
    """A rating on its scale, as stored."""

    value: float
    lowest: int
    highest: int


def hundredths_of_stars(value: float, lowest: int, highest: int) -> int:
    """Return a rating in hundredths of stars: the ends of its scale are 1 and 5 stars, and it is linear between them.

    Half a hundredth is rounded up.
    """
    share = (Decimal(str(value)) - lowest) / (highest - lowest)
    stars = LOWEST_STARS + share * (HIGHEST_STARS - LOWEST_STARS)
    return int((stars * 100).quantize(Decimal(1), ROUND_HALF_UP))
