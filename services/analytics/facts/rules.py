"""The arithmetic that every figure uses. Plain values in, plain values out."""

from decimal import Decimal

SHARE_DIGITS = 8


def share(part: int, whole: int) -> float:
    """Return a part of a whole as a fraction between 0 and 1, to eight digits, or 0 if the whole is 0."""
    return float(round(Decimal(part) / Decimal(whole), SHARE_DIGITS)) if whole else 0.0
