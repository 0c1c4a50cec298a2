"""Refunds: money that goes back for a purchase, by line or as an amount, and never more than is left of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field, model_validator

from chassis import Event, Feature, Instant, Invalid, Money, Page, Paged, Problem, Reference, Wire, Work, page, shown
from chassis.money import minor_from_text, text_from_minor
from services.interactions import rules
from services.interactions.amounts import AmountText, Quantity
from services.interactions.model import Purchase
from services.interactions.model import Refund as Row
from services.interactions.operations import SourceIdReused, a_row, record_once, refuse_the_future

feature = Feature("refunds")


class PurchaseRefunded(Event, type="interactions.purchase_refunded.v1", key="customer_id"):
    """Money went back for a purchase; `refunded` is all that has gone back by now, this refund included."""

    refund_id: UUID
    purchase_id: UUID
    customer_id: UUID
    refunded_at: datetime
    purchased_at: datetime
    amount: Money
    refunded: Money
    total: Money


class MoreThanIsLeft(Problem, status=409):
    """The refund is more than is left of the purchase."""


class NewRefundLine(Wire):
    """What goes back of one line: some of the quantity, or some of the amount."""

    number: Annotated[int, Field(strict=True, ge=1)]
    quantity: Quantity | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.quantity is None) == (self.amount is None):
            raise ValueError("either a quantity or an amount is expected")
        return self


class NewRefund(Wire):
    """A refund to be recorded: by lines, or as an amount of the whole."""

    source: Reference
    source_id: Reference
    refunded_at: Instant
    lines: Annotated[list[NewRefundLine], Field(min_length=1, max_length=500)] | None = None
    amount: AmountText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.lines is None) == (self.amount is None):
            raise ValueError("either lines or an amount is expected")
        numbers = [line.number for line in self.lines or []]
        if len(set(numbers)) < len(numbers):
            raise ValueError("a line may be named once")
        return self


class RefundLine(BaseModel):
    """What went back of one line."""

    number: int
    quantity: str | None
    amount: str


class Refund(BaseModel):
    """A refund as it was recorded."""

    id: UUID
    purchase_id: UUID
    customer_id: UUID
    source: str
    source_id: str
    refunded_at: datetime
    recorded_at: datetime
    amount: Money
    lines: list[RefundLine]


@feature.post(
    "/purchases/{id:uuid}/refunds",
    scope="interactions:write",
    status_code=201,
    refuses=[MoreThanIsLeft, SourceIdReused],
    repeatable=True,
)
async def refund_purchase(work: Work, id: UUID, wanted: NewRefund, response: Response) -> Refund:
    """Records a refund; sent again, it answers 200 with what stands."""
    refuse_the_future(work, wanted.refunded_at, "/refunded_at")
    purchase = await work.get(Purchase, id)
    # A purchase never changes, so there is no row to lock: refunds of one purchase take their turn by this.
    await work.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"refund {id}")
    standing = await work.find(Row, source=wanted.source, source_id=wanted.source_id)
    earlier = [one for one in await work.all(Row, purchase_id=id) if standing is None or one.id < standing.id]
    lines = _lines(purchase, earlier, wanted)
    row = a_row(
        work,
        {
            "purchase_id": id,
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
    else:
        response.status_code = 200
    return refund_of(vars(await work.get(Row, outcome[1])))


@feature.get("/purchases/{id:uuid}/refunds", scope="interactions:read")
async def list_refunds(work: Work, id: UUID, paging: Paged) -> Page[Refund]:
    """What has gone back for a purchase, oldest first."""
    await work.get(Purchase, id)
    return await page(work, paging, Row, refund_of, where={"purchase_id": id})


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
        if minor > left:
            raise rules.TooMuch(f"{place}/amount", text_from_minor(left, currency))
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


def refund_of(row: Mapping[str, Any]) -> Refund:
    """The refund as it is shown."""
    lines = [shown(RefundLine, line) for line in row["lines"]]
    return shown(Refund, row, amount=Money.of(row["amount_minor"], row["currency"]), lines=lines)
