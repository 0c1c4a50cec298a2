"""Quotes: their states, and the tax of their lines."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from typing_extensions import TypeAliasType

from chassis.types.money import minor_from_text, round_to_minor, text_from_minor
from services.customers.sales.rules.lines import DealLineDocument

QuoteState = TypeAliasType("QuoteState", Literal["draft", "sent", "accepted", "declined", "expired", "replaced"])

VALID_DAYS = 30
"""How long a quote is valid that names no day."""


class QuoteLineDocument(DealLineDocument):
    """A line of a quote as stored: a line of its deal at the time, with its tax."""

    tax_rate: str | None
    tax: str


def with_tax(
    lines: Sequence[DealLineDocument], rates: Mapping[int, Decimal], rate: Decimal | None, currency: str
) -> list[QuoteLineDocument]:
    """Return lines with their tax, rounded half up per line. `rates` are those of single lines, by number."""
    return [_with_tax(line, rates.get(line["number"], rate), currency) for line in lines]


def _with_tax(line: DealLineDocument, rate: Decimal | None, currency: str) -> QuoteLineDocument:
    tax = round_to_minor(Decimal(line["amount"]) * (rate or 0), currency)
    shown = None if rate is None else format(rate.normalize(), "f")
    return {**line, "tax_rate": shown, "tax": text_from_minor(tax, currency)}


def totals(lines: Sequence[QuoteLineDocument], currency: str) -> tuple[int, int]:
    """Return the sum of lines without tax, and the sum of their taxes, in minor units."""
    net = sum(minor_from_text(line["amount"], currency) for line in lines)
    return net, sum(minor_from_text(line["tax"], currency) for line in lines)
