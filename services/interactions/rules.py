"""What a purchase amounts to. Plain values in, plain values out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from chassis.money import minor_from_text, round_to_minor

MOST_MINOR = 10**15
"""A purchase of more than this is a mistake, and sums of many such stay far inside a bigint."""


class BadLine(ValueError):
    """A line whose figures do not make an amount; `place` points to the one that is wrong."""

    def __init__(self, place: str, code: str, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.code = code


@dataclass(frozen=True, slots=True)
class LineFigures:
    """The figures of one line as they were sent."""

    quantity: Decimal
    unit_price: Decimal | None
    discount: str | None
    amount: str | None


def line_minor(line: LineFigures, currency: str) -> int:
    """A line's amount in minor units: `quantity x unit_price - discount`, rounded half up, or the given total.

    A line without price and amount (a coupon, a fee of nothing) counts nothing. Raises BadLine when price and amount
    disagree, or a discount is more than the price.
    """
    discount = _minor(line.discount or "0", currency, "discount")
    given = None if line.amount is None else _minor(line.amount, currency, "amount")
    if line.unit_price is None:
        if discount and given is None:
            raise BadLine("discount", "no_price", "a discount needs a unit price")
        return given or 0
    computed = round_to_minor(line.quantity * line.unit_price, currency) - discount
    if given is not None and given != computed:
        raise BadLine("amount", "amount_differs", "quantity x unit price - discount is another amount")
    if computed < 0:
        raise BadLine("discount", "discount_exceeds_price", "the discount is more than the price")
    return computed


def total_minor(amounts: Sequence[int]) -> int:
    """The purchase's total in minor units. Raises BadLine when it is beyond reason."""
    total = sum(amounts)
    if abs(total) > MOST_MINOR:
        raise BadLine("", "too_large", "the total is larger than a purchase can be")
    return total


@dataclass(frozen=True, slots=True)
class LineState:
    """A line of a purchase, and what has gone back of it."""

    number: int
    quantity: Decimal
    minor: int
    refunded_quantity: Decimal
    refunded_minor: int


class TooMuch(ValueError):
    """A refund of more than is left; `place` points to what is too much, `left` says how much there is."""

    def __init__(self, place: str, left: str) -> None:
        super().__init__(f"only {left} is left")
        self.place = place
        self.left = left


def refund_by_quantity(line: LineState, quantity: Decimal, place: str) -> int:
    """What goes back for a part of a line, in minor units: what that many are worth together with those that went
    back before, less what those were worth; so the parts of a line add up to the line, to the cent.

    Raises TooMuch.
    """
    left = line.quantity - line.refunded_quantity
    if quantity > left:
        raise TooMuch(place, format(left.normalize(), "f"))
    if line.refunded_minor >= line.minor > 0:
        raise TooMuch(place, "0")  # its whole amount has gone back, by amount and not by quantity
    after = _worth(line, line.refunded_quantity + quantity)
    return min(after - _worth(line, line.refunded_quantity), line.minor - line.refunded_minor)


def _worth(line: LineState, quantity: Decimal) -> int:
    """The worth of a part of a line, rounded half up."""
    return int((line.minor * quantity / line.quantity).to_integral_value(ROUND_HALF_UP)) if line.quantity else 0


def content_hash(canonical: bytes) -> str:
    """Tells two contents apart."""
    return hashlib.sha256(canonical).hexdigest()


def _minor(amount: str, currency: str, place: str) -> int:
    try:
        return minor_from_text(amount, currency)
    except ValueError as error:
        raise BadLine(place, "not_an_amount", str(error)) from None
