"""Recording: a refund, once, and never of more than is left of its purchase."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chassis import Invalid, Money, Problem, Work
from chassis.money import minor_from_text, text_from_minor
from services.interactions import rules
from services.interactions.features.refunds.facts import PurchaseRefunded
from services.interactions.features.refunds.wire import NewRefund, NewRefundLine
from services.interactions.model import Purchase
from services.interactions.model import Refund as Row
from services.interactions.operations import a_row, record_once


class MoreThanIsLeft(Problem, status=409):
    """The refund is more than is left of the purchase."""


async def record_refund(work: Work, purchase: Purchase, wanted: NewRefund) -> tuple[Row, bool]:
    """Records a refund unless it stands already; the refund, and whether it is new. Raises what it is refused by."""
    # A purchase never changes, so there is no row to lock: refunds of one purchase take their turn by this.
    await work.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"refund {purchase.id}")
    standing = await work.find(Row, source=wanted.source, source_id=wanted.source_id)
    refunds = await work.all(Row, purchase_id=purchase.id)
    earlier = [one for one in refunds if standing is None or one.id < standing.id]
    lines = _lines(purchase, earlier, wanted)
    row = a_row(
        work,
        {
            "purchase_id": purchase.id,
            "customer_id": purchase.customer_id,
            "source": wanted.source,
            "source_id": wanted.source_id,
            "refunded_at": wanted.refunded_at,
            "currency": purchase.currency,
            "amount_minor": _amount(purchase, earlier, wanted, lines),
            "lines": lines,
        },
    )
    outcomes, new = await record_once(work, Row, [(0, row)])
    outcome = outcomes[0]
    if isinstance(outcome, Problem):
        raise outcome
    if new:
        _publish(work, purchase, earlier, row)
    return await work.get(Row, outcome[1]), bool(new)


def _lines(purchase: Purchase, earlier: Sequence[Row], wanted: NewRefund) -> list[dict[str, Any]]:
    """What goes back of each line. Raises MoreThanIsLeft, or Invalid for a line that there is not."""
    states = _states(purchase, earlier)
    lines = []
    for index, line in enumerate(wanted.lines or []):
        state = states.get(line.number)
        if state is None:
            raise Invalid.field(f"/lines/{index}/number", "unknown", "the purchase has no such line")
        minor = _line_minor(state, line, purchase.currency, f"/lines/{index}")
        quantity = None if line.quantity is None else format(line.quantity.normalize(), "f")
        amount = text_from_minor(minor, purchase.currency)
        lines.append({"number": line.number, "quantity": quantity, "amount": amount})
    return lines


def _line_minor(state: rules.LineState, line: NewRefundLine, currency: str, place: str) -> int:
    try:
        if line.quantity is not None:
            return rules.refund_by_quantity(state, line.quantity, f"{place}/quantity")
        minor, left = _minor(line.amount or "", currency, f"{place}/amount"), state.minor - state.refunded_minor
        if minor > max(left, 0):
            raise rules.TooMuch(f"{place}/amount", text_from_minor(left, currency))
        if minor < min(left, 0):
            raise Invalid.field(f"{place}/amount", "negative", "more of the line would be left than it was")
    except rules.TooMuch as error:
        raise MoreThanIsLeft(f"{error.place}: {error}.", left=error.left, pointer=error.place) from None
    return minor


def _amount(purchase: Purchase, earlier: Sequence[Row], wanted: NewRefund, lines: Sequence[Mapping[str, Any]]) -> int:
    """What goes back in all, in minor units. Raises MoreThanIsLeft, or Invalid when it is nothing."""
    if wanted.amount is not None:
        minor = _minor(wanted.amount, purchase.currency, "/amount")
    else:
        minor = sum(minor_from_text(line["amount"], purchase.currency) for line in lines)
    if minor <= 0:
        raise Invalid.field("/amount" if wanted.amount else "/lines", "nothing", "nothing would go back")
    left = purchase.total_minor - sum(one.amount_minor for one in earlier)
    if minor > left:
        text = text_from_minor(left, purchase.currency)
        raise MoreThanIsLeft(f"Only {text} is left.", left=text, pointer="/amount" if wanted.amount else "/lines")
    return minor


def _states(purchase: Purchase, earlier: Sequence[Row]) -> dict[int, rules.LineState]:
    """The purchase's lines, and what has gone back of each."""
    gone = [line for one in earlier for line in one.lines]
    states = {}
    for line in purchase.lines:
        of_line = [one for one in gone if one["number"] == line["number"]]
        states[line["number"]] = rules.LineState(
            line["number"],
            Decimal(line["quantity"]),
            minor_from_text(line["amount"], purchase.currency),
            sum((Decimal(one["quantity"]) for one in of_line if one["quantity"]), Decimal(0)),
            sum(minor_from_text(one["amount"], purchase.currency) for one in of_line),
        )
    return states


def _minor(amount: str, currency: str, pointer: str) -> int:
    try:
        return minor_from_text(amount, currency)
    except ValueError as error:
        raise Invalid.field(pointer, "not_an_amount", str(error)) from None


def _publish(work: Work, purchase: Purchase, earlier: Sequence[Row], row: Mapping[str, Any]) -> None:
    refunded = sum(one.amount_minor for one in earlier) + row["amount_minor"]
    work.publish(
        PurchaseRefunded(
            refund_id=row["id"],
            purchase_id=purchase.id,
            customer_id=purchase.customer_id,
            refunded_at=row["refunded_at"],
            purchased_at=purchase.purchased_at,
            amount=Money.of(row["amount_minor"], purchase.currency),
            refunded=Money.of(refunded, purchase.currency),
            total=Money.of(purchase.total_minor, purchase.currency),
        )
    )
