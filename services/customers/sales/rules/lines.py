"""The lines of a deal: their exact amounts, and the discount that they grant."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType, TypedDict

from chassis.types.codes import TOO_LARGE, FieldCode, code_of
from chassis.types.limits import MAX_MINOR
from chassis.types.money import minor_from_text, round_to_minor, text_from_minor

DiscountState = TypeAliasType(
    "DiscountState", Literal["within_limit", "needs_approval", "waiting", "approved", "refused"]
)
ApprovalState = TypeAliasType("ApprovalState", Literal["waiting", "approved", "refused", "superseded"])

MAX_LINES = 500
"""Maximum lines of a deal."""
DISCOUNT_EXCEEDS_LINE = FieldCode(
    "discount_exceeds_line", "A line's discount is negative, or more than its price.", "Send at most the line's price."
)


class DealLineDocument(TypedDict):
    """A line of a deal as stored. Quantities and amounts are decimal strings."""

    number: int
    product_id: str | None
    sku: str | None
    name: str
    quantity: str
    list_price: str | None
    unit_price: str
    discount: str
    amount: str


class DiscountLimitDocument(TypedDict):
    """The discount that a salesperson may grant, as stored."""

    actor: str
    percent: str


class InvalidLine(ValueError):
    """A line whose figures contradict each other. `location` is that of the wrong figure."""

    def __init__(self, location: str, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.location = location
        self.code = code


@dataclass(frozen=True, slots=True)
class LineAmount:
    """A line in minor units: before any discount, the discount on the line, and the rest."""

    gross: int
    discount: int
    net: int


def line_amount(
    quantity: Decimal, unit_price: Decimal, list_price: Decimal | None, discount: str | None, currency: str
) -> LineAmount:
    """Return the amount of a line: `quantity x unit_price`, rounded half up, less the discount. Raises InvalidLine.

    Its gross amount is at the list price, so that a lower unit price counts as a discount.
    """
    price = round_to_minor(quantity * unit_price, currency)
    try:
        off = minor_from_text(discount or "0", currency)
    except PydanticCustomError as error:
        raise InvalidLine("discount", code_of(error), str(error)) from None
    if not 0 <= off <= price:
        text = f"must be between 0 and {text_from_minor(price, currency)}"
        raise InvalidLine("discount", DISCOUNT_EXCEEDS_LINE, text)
    gross = max(price, round_to_minor(quantity * list_price, currency)) if list_price is not None else price
    if gross > MAX_MINOR:
        raise InvalidLine("quantity", TOO_LARGE, f"the amount must be at most {text_from_minor(MAX_MINOR, currency)}")
    return LineAmount(gross, off, price - off)


def discount_percent(lines: Iterable[LineAmount]) -> Decimal:
    """Return the discount of all lines as a percentage of their gross amount, rounded up to two decimals."""
    gross, net = 0, 0
    for line in lines:
        gross, net = gross + line.gross, net + line.net
    if gross == 0:
        return Decimal("0.00")
    return (Decimal(100 * (gross - net)) / Decimal(gross)).quantize(Decimal("0.01"), ROUND_CEILING)


def discount_limit(limits: Iterable[DiscountLimitDocument], for_all: str | None, actor: str) -> Decimal | None:
    """Return the percentage that a salesperson may grant: the person's own limit, or that for all. None is any."""
    own = next((limit["percent"] for limit in limits if limit["actor"] == actor), for_all)
    return None if own is None else Decimal(own)


def discount_state(percent: Decimal, limit: Decimal | None, approved: Decimal | None) -> DiscountState:
    """Return whether a discount needs an approval. `limit` is what its author may grant, None if that is anything."""
    if limit is None or percent <= limit:
        return "within_limit"
    return "approved" if approved is not None and percent <= approved else "needs_approval"
