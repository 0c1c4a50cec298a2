"""The arithmetic that every figure uses, in integers. Plain values in, plain values out."""

SHARE_DIGITS = 8


def divide(dividend: int, divisor: int) -> int:
    """Return the quotient by a positive divisor, rounded half up (away from zero), as all money is."""
    quotient = (2 * abs(dividend) + divisor) // (2 * divisor)
    return -quotient if dividend < 0 else quotient


def share(part: int, whole: int) -> float:
    """Return a part of a whole as a fraction, to eight digits, or 0 if the whole is 0."""
    return divide(part * 10**SHARE_DIGITS, whole) / 10**SHARE_DIGITS if whole else 0.0
