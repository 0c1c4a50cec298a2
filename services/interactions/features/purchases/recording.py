"""Recording: many purchases by a few statements, each once by (source, source id)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chassis import Money, Problem, Work
from chassis.money import minor_from_text, text_from_minor
from chassis.values import shown
from services.interactions import rules
from services.interactions.features.purchases.facts import PurchaseRecorded, RecordedLine
from services.interactions.features.purchases.wire import NewPurchase
from services.interactions.model import Purchase
from services.interactions.operations import Outcome, Row, a_row, record_once, refuse_the_future


async def record_purchases(
    work: Work, items: Sequence[tuple[int, NewPurchase]]
) -> tuple[dict[int, Outcome], list[Row]]:
    """Records each purchase that is not recorded yet; the outcomes by place, and the rows that are new."""
    refused: dict[int, Outcome] = {}
    rows: list[tuple[int, Row]] = []
    for index, item in items:
        try:
            refuse_the_future(work, item.purchased_at, "/purchased_at")
        except Problem as problem:
            refused[index] = problem
        else:
            rows.append((index, row_of(work, item)))
    outcomes, new = await record_once(work, Purchase, rows)
    for row in new:
        work.publish(_recorded(row))
    return outcomes | refused, new


def row_of(work: Work, item: NewPurchase) -> Row:
    """The purchase's row."""
    content = {
        "customer_id": item.customer_id,
        "source": item.source,
        "source_id": item.source_id,
        "purchased_at": item.purchased_at,
        "currency": item.currency,
        "channel": item.channel,
        "store": item.store,
        "sold_through": item.sold_through,
        "total_minor": rules.total_minor(item.amounts),
        "lines": _lines_of(item),
    }
    return a_row(work, content)


def _lines_of(item: NewPurchase) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "sku": line.sku,
            "name": line.name,
            "category": line.category,
            "quantity": _plain(line.quantity),
            "unit_price": _plain(line.unit_price),
            "discount": line.discount and text_from_minor(minor_from_text(line.discount, item.currency), item.currency),
            "amount": text_from_minor(amount, item.currency),
            "unit_cost": _plain(line.unit_cost),
        }
        for number, (line, amount) in enumerate(zip(item.lines, item.amounts, strict=True), 1)
    ]


def _plain(value: Decimal | None) -> str | None:
    """A decimal without trailing zeros and without an exponent."""
    return None if value is None else format(value.normalize(), "f")


def _recorded(row: Mapping[str, Any]) -> PurchaseRecorded:
    total = Money.of(row["total_minor"], row["currency"])
    lines = [shown(RecordedLine, line) for line in row["lines"]]
    return shown(PurchaseRecorded, row, purchase_id=row["id"], total=total, lines=lines)
