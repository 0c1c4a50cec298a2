"""The amounts of purchases and refunds."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from chassis.types.codes import TOO_LARGE, FieldCode, code_of
from chassis.types.currencies import MINOR_DIGITS
from chassis.types.limits import MAX_MINOR, QUANTITY_DECIMALS
from chassis.types.money import minor_from_text, round_to_minor, text_from_minor

MAX_LINES = 5_000
"""Maximum lines of a purchase, and of a refund."""


class PurchaseLineDocument(TypedDict):
    """A line of a purchase as stored. Quantities and amounts are decimal strings."""

    number: int
    sku: str
    name: str | None
    category: str | None
    quantity: str
    unit_price: str | None
    discount: str | None
    amount: str
    unit_cost: str | None


class RefundLineDocument(TypedDict):
    """The refunded part of a line as stored."""

    number: int
    quantity: str | None
    amount: str


class RequestedLineDocument(TypedDict):
    """A line of a refund that waits for its purchase: a quantity or an amount."""

    number: int
    quantity: str | None
    amount: str | None


class RequestedRefundDocument(TypedDict):
    """A refund that waits for its purchase, as its source sent it: lines or an amount."""

    source: str
    source_id: str
    refunded_at: str
    lines: list[RequestedLineDocument] | None
    amount: str | None


NEGATIVE_DISCOUNT = FieldCode(
    "negative_discount", "A discount is negative.", "Send a surcharge as a line of its own, with a positive amount."
)
NO_PRICE = FieldCode(
    "no_price",
    "A line has neither a unit price nor an amount.",
    'Send either of them. A free item has the amount "0.00".',
)
AMOUNT_DIFFERS = FieldCode(
    "amount_differs",
    "A line's amount is not its quantity times its unit price less its discount, within the rounding of the price.",
    "Correct one of the four, or send the amount alone.",
)
DISCOUNT_EXCEEDS_PRICE = FieldCode(
    "discount_exceeds_price", "A line's discount is more than its price.", "Send at most the price as the discount."
)
NEGATIVE_TOTAL = FieldCode(
    "negative_total",
    "The lines of a purchase add up to less than zero.",
    "Record money that goes back with `POST /v1/purchases/{id}/refunds`.",
)
MORE_LEFT_THAN_BEFORE = FieldCode(
    "more_left_than_before",
    "A refund of a negative line would leave more of the line than it was.",
    "Send an amount between zero and the remaining amount of the line.",
)


class InvalidLine(ValueError):
    """A line whose figures contradict each other. `location` is that of the wrong figure, or empty."""

    def __init__(self, location: str, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.location = location
        self.code = code

    @property
    def path(self) -> tuple[str, ...]:
        """The location as the last step of a path, if there is one."""
        return (self.location,) if self.location else ()


class AmountExceeded(ValueError):
    """A refund of more than the remaining amount, which is `left`. `location` is that of the excess."""

    def __init__(self, location: str, left: str) -> None:
        super().__init__(f"only {left} is left")
        self.location = location
        self.left = left


def plain(value: Decimal) -> str:
    """Return a decimal without trailing zeros and without an exponent."""
    return format(value.normalize(), "f")


# Purchases


def without_spelling(line: PurchaseLineDocument) -> PurchaseLineDocument:
    """Return a line with plain prices: "2.50" and "2.5" are the same price."""
    unit_price, unit_cost = line["unit_price"], line["unit_cost"]
    return {
        **line,
        "unit_price": unit_price and plain(Decimal(unit_price)),
        "unit_cost": unit_cost and plain(Decimal(unit_cost)),
    }


@dataclass(frozen=True, slots=True)
class LineFigures:
    """The figures of a line as they were sent."""

    quantity: Decimal
    unit_price: Decimal | None
    discount: str | None
    amount: str | None


def line_minor(line: LineFigures, currency: str) -> int:
    """Return a line's amount in minor units: the amount sent, or else `quantity x unit_price - discount`.

    The product is rounded half up. An amount that was sent may differ from it by the rounding of the unit price.
    Raises InvalidLine.
    """
    discount = _minor(line.discount or "0", currency, "discount")
    amount = None if line.amount is None else _minor(line.amount, currency, "amount")
    if discount < 0:
        raise InvalidLine("discount", NEGATIVE_DISCOUNT, "must not be negative; a surcharge is a line of its own")
    if line.unit_price is None:
        if amount is None:
            reason = 'a unit_price or an amount is expected; a free item has the amount "0.00"'
            raise InvalidLine("amount", NO_PRICE, reason)
        return amount
    computed = round_to_minor(line.quantity * line.unit_price, currency) - discount
    if amount is not None:
        tolerance = _rounding_minor(line.quantity, line.unit_price, currency)
        if abs(amount - computed) > tolerance:
            low, high = (text_from_minor(bound, currency) for bound in (computed - tolerance, computed + tolerance))
            allowed = low if low == high else f"{low} to {high}"
            raise InvalidLine("amount", AMOUNT_DIFFERS, f"quantity x unit_price - discount allows {allowed}")
        computed = amount
    if computed < 0:
        raise InvalidLine("discount", DISCOUNT_EXCEEDS_PRICE, "the discount is more than the price")
    return _within_limit(computed, currency)


def total_minor(amounts: Sequence[int], currency: str) -> int:
    """Return a purchase's total in minor units. Raises InvalidLine if it is negative or exceeds MAX_MINOR."""
    total = sum(amounts)
    if total < 0:
        reason = "Record money that goes back with POST /v1/purchases/{id}/refunds."
        raise InvalidLine("", NEGATIVE_TOTAL, f"the total of a purchase must not be negative. {reason}")
    return _within_limit(total, currency)


def _rounding_minor(quantity: Decimal, unit_price: Decimal, currency: str) -> int:
    """Return by how many minor units the rounding of a unit price can change the amount of its line.

    The error of the price is half a unit of its last decimal. A price is rounded to the minor unit at the coarsest.
    """
    decimals = max(-int(unit_price.as_tuple().exponent), MINOR_DIGITS[currency])
    return int(quantity * Decimal(5).scaleb(MINOR_DIGITS[currency] - decimals - 1))


def _within_limit(minor: int, currency: str) -> int:
    if abs(minor) > MAX_MINOR:
        limit = text_from_minor(MAX_MINOR, currency)
        raise InvalidLine("", TOO_LARGE, f"the amount must be at most {limit}")
    return minor


# Refunds


@dataclass(frozen=True, slots=True)
class LineState:
    """A line of a purchase, and how much of it was refunded."""

    number: int
    quantity: Decimal
    minor: int
    refunded_quantity: Decimal
    refunded_minor: int


def line_states(
    lines: Iterable[PurchaseLineDocument], refunded: Sequence[RefundLineDocument], currency: str
) -> dict[int, LineState]:
    """Return the lines of a purchase by number, each with its refunds so far."""
    quantities: defaultdict[int, Decimal] = defaultdict(Decimal)
    amounts: defaultdict[int, int] = defaultdict(int)
    for part in refunded:
        quantities[part["number"]] += Decimal(part["quantity"] or 0)
        amounts[part["number"]] += minor_from_text(part["amount"], currency)
    return {
        line["number"]: LineState(
            line["number"],
            Decimal(line["quantity"]),
            minor_from_text(line["amount"], currency),
            quantities[line["number"]],
            amounts[line["number"]],
        )
        for line in lines
    }


def refund_by_quantity(line: LineState, quantity: Decimal, location: str) -> int:
    """Return the refund of a quantity of a line, in minor units. Raises AmountExceeded.

    It is the worth of all refunded quantities, this one included, less the worth of the earlier ones. So the parts of a
    line add up to the line, to the cent, also if its amount is negative.
    """
    left_quantity, left = line.quantity - line.refunded_quantity, line.minor - line.refunded_minor
    if quantity > left_quantity:
        raise AmountExceeded(location, plain(left_quantity))
    part = _worth(line, line.refunded_quantity + quantity) - _worth(line, line.refunded_quantity)
    if part * left < 0 or (part and not left):
        raise AmountExceeded(location, "0")  # its whole amount was refunded, by amount and not by quantity
    return min(part, left, key=abs)


def refund_by_amount(line: LineState, amount: str, currency: str, location: str) -> int:
    """Return the refund of an amount of a line, in minor units. Raises InvalidLine or AmountExceeded."""
    minor, left = _minor(amount, currency, location), line.minor - line.refunded_minor
    if minor > max(left, 0):
        raise AmountExceeded(location, text_from_minor(left, currency))
    if minor < min(left, 0):
        raise InvalidLine(location, MORE_LEFT_THAN_BEFORE, "more of the line would be left than it was")
    return minor


def _worth(line: LineState, quantity: Decimal) -> int:
    """Return the worth of a quantity of a line, rounded half up (away from zero)."""
    part, whole = (int(each.scaleb(QUANTITY_DECIMALS)) for each in (quantity, line.quantity))
    worth = (2 * abs(line.minor) * part + whole) // (2 * whole) if whole else 0
    return -worth if line.minor < 0 else worth


def _minor(amount: str, currency: str, location: str) -> int:
    try:
        return minor_from_text(amount, currency)
    except PydanticCustomError as error:
        raise InvalidLine(location, code_of(error), str(error)) from None
