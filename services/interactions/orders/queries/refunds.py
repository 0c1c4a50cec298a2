"""Recording refunds: each once, and never of more than the remaining amount of its purchase."""

from collections.abc import Sequence
from decimal import Decimal

from pydantic_core import PydanticCustomError

from chassis import (
    MAX_CLOCK_SKEW,
    FieldCode,
    Money,
    Problem,
    SourceIdReused,
    UnitOfWork,
    ValidationFailed,
    code_of,
    minor_from_text,
    recorded_person,
    text_from_minor,
)
from services.interactions.orders import tables
from services.interactions.orders.queries.refund_bodies import RefundCreate, RefundLineCreate
from services.interactions.orders.queries.refund_events import PurchaseRefunded
from services.interactions.orders.queries.states import lock_purchase, refresh_state
from services.interactions.orders.rules import amounts
from services.interactions.sources.queries import (
    NewRecord,
    find_stored,
    insert_new,
    new_record,
)


class RefundExceedsPurchase(Problem, status=409):
    """The refund exceeds the remaining amount of the purchase.

    `left` is what can still be refunded. Read the purchase's refunds to see what was.
    """


BEFORE_PURCHASE = FieldCode(
    "before_purchase", "The refund is dated before its purchase.", "Correct the time, or name the right purchase."
)
UNKNOWN_LINE = FieldCode(
    "unknown_line", "The purchase has no line with this number.", "Read the purchase for the numbers of its lines."
)
NOTHING_REFUNDED = FieldCode(
    "nothing_refunded", "The amount of a refund is not more than zero.", "Send the money that goes back."
)


async def record_refund(
    work: UnitOfWork, purchase: tables.Purchase, body: RefundCreate, *, time_pointer: str = "/refunded_at"
) -> tuple[tables.Refund, bool]:
    """Record a refund unless it is recorded already. Returns the stored row, and whether it is new.

    `time_pointer` names the field of the request that has the time of the refund.

    Raises RefundExceedsPurchase, SourceIdReused, and ValidationFailed.
    """
    current = purchase.customer_id
    purchase = purchase.replace(customer_id=await recorded_person(work, purchase))
    await lock_purchase(work, purchase.id)
    stored = (await find_stored(work, tables.Refund, [body.key])).get(body.key)
    if stored is not None:
        return _require_repeat(work, purchase, await work.get(tables.Refund, stored.id), body), False
    _reject_refund_before_purchase(purchase, body, time_pointer)
    earlier = await work.find_all(tables.Refund, purchase_id=purchase.id)
    lines = _lines(purchase, earlier, body.lines or [])
    record = _new_record(work, purchase, body, _amount_minor(purchase, earlier, body.amount, lines), lines)
    row = tables.Refund(**record.columns, tenant_id=work.tenant.id)
    await insert_new(work, tables.Refund, [record])
    refunded_minor = sum(refund.amount_minor for refund in (*earlier, row))
    await refresh_state(work, purchase, refunded_minor)
    _publish(work, purchase, refunded_minor, row)
    return row.replace(customer_id=current), True


def _require_repeat(
    work: UnitOfWork, purchase: tables.Purchase, stored: tables.Refund, body: RefundCreate
) -> tables.Refund:
    """Return the stored refund if the request repeats it. Raises SourceIdReused, and ValidationFailed.

    A quantity is worth what is stored: a repeat is one, whatever was refunded since, and however it was rounded then.
    """
    currency = purchase.currency
    worth = {(line["number"], line["quantity"]): line["amount"] for line in stored.lines}
    lines: list[amounts.RefundLineDocument] = []
    for index, line in enumerate(body.lines or []):
        quantity = _plain(line.quantity)
        amount = worth.get((line.number, quantity), "")
        if line.amount is not None:
            amount = text_from_minor(_minor(line.amount, currency, f"/lines/{index}/amount"), currency)
        lines.append({"number": line.number, "quantity": quantity, "amount": amount})
    minor = stored.amount_minor if body.amount is None else _minor(body.amount, currency, "/amount")
    if _new_record(work, purchase, body, minor, lines).content_hash != stored.content_hash:
        raise SourceIdReused(id=str(stored.id))
    return stored


def _reject_refund_before_purchase(purchase: tables.Purchase, body: RefundCreate, pointer: str) -> None:
    if body.refunded_at < purchase.purchased_at - MAX_CLOCK_SKEW:
        bought = f"{purchase.purchased_at:%Y-%m-%dT%H:%M:%SZ}"
        raise ValidationFailed.field(pointer, BEFORE_PURCHASE, f"the purchase was made later, at {bought}")


def _new_record(
    work: UnitOfWork, purchase: tables.Purchase, body: RefundCreate, minor: int, lines: list[amounts.RefundLineDocument]
) -> NewRecord:
    # The content's hash depends on the order of these columns.
    content = {
        "purchase_id": purchase.id,
        "customer_id": purchase.customer_id,
        "source": body.source,
        "source_id": body.source_id,
        "refunded_at": body.refunded_at,
        "currency": purchase.currency,
        "amount_minor": minor,
        "lines": lines,
    }
    return new_record(work, body.key, purchase.customer_id, content)


def _lines(
    purchase: tables.Purchase, earlier: Sequence[tables.Refund], requested: Sequence[RefundLineCreate]
) -> list[amounts.RefundLineDocument]:
    """Return the refunded part of each line. Raises RefundExceedsPurchase and ValidationFailed."""
    refunded = [line for refund in earlier for line in refund.lines]
    states = amounts.line_states(purchase.lines, refunded, purchase.currency)
    lines: list[amounts.RefundLineDocument] = []
    for index, line in enumerate(requested):
        state = states.get(line.number)
        if state is None:
            raise ValidationFailed.field(f"/lines/{index}/number", UNKNOWN_LINE, "the purchase has no such line")
        minor = _line_minor(state, line, purchase.currency, f"/lines/{index}")
        amount = text_from_minor(minor, purchase.currency)
        lines.append({"number": line.number, "quantity": _plain(line.quantity), "amount": amount})
    return lines


def _line_minor(state: amounts.LineState, line: RefundLineCreate, currency: str, location: str) -> int:
    try:
        if line.quantity is not None:
            return amounts.refund_by_quantity(state, line.quantity, f"{location}/quantity")
        return amounts.refund_by_amount(state, line.amount or "", currency, f"{location}/amount")
    except amounts.AmountExceeded as error:
        raise RefundExceedsPurchase(f"{error.location}: {error}.", left=error.left, pointer=error.location) from None
    except amounts.InvalidLine as error:
        raise ValidationFailed.field(error.location, error.code, str(error)) from None


def _amount_minor(
    purchase: tables.Purchase,
    earlier: Sequence[tables.Refund],
    amount: str | None,
    lines: Sequence[amounts.RefundLineDocument],
) -> int:
    """Return the whole refund in minor units. Raises RefundExceedsPurchase and ValidationFailed."""
    pointer = "/lines" if amount is None else "/amount"
    texts = [line["amount"] for line in lines] if amount is None else [amount]
    minor = sum(_minor(text, purchase.currency, pointer) for text in texts)
    if minor <= 0:
        raise ValidationFailed.field(pointer, NOTHING_REFUNDED, "the amount of a refund must be more than zero")
    left = purchase.total_minor - sum(refund.amount_minor for refund in earlier)
    if minor > left:
        text = text_from_minor(left, purchase.currency)
        raise RefundExceedsPurchase(f"Only {text} is left.", left=text, pointer=pointer)
    return minor


def _minor(amount: str, currency: str, pointer: str) -> int:
    try:
        return minor_from_text(amount, currency)
    except PydanticCustomError as error:
        raise ValidationFailed.field(pointer, code_of(error), str(error)) from None


def _plain(quantity: Decimal | None) -> str | None:
    return None if quantity is None else amounts.plain(quantity)


def _publish(work: UnitOfWork, purchase: tables.Purchase, refunded_minor: int, row: tables.Refund) -> None:
    bought = {line["number"]: line for line in purchase.lines}
    work.publish(
        PurchaseRefunded.from_row(
            row,
            refund_id=row.id,
            purchased_at=purchase.purchased_at,
            amount=Money.of(row.amount_minor, row.currency),
            refunded=Money.of(refunded_minor, row.currency),
            total=Money.of(purchase.total_minor, row.currency),
            lines=[_to_published(line, bought[line["number"]]) for line in row.lines],
            purchase_source=purchase.source,
            purchase_source_id=purchase.source_id,
            channel=purchase.channel,
            store=purchase.store,
            sold_through=purchase.sold_through,
        )
    )


def _to_published(refunded: amounts.RefundLineDocument, bought: amounts.PurchaseLineDocument) -> dict[str, object]:
    return {**refunded, "sku": bought["sku"], "category": bought["category"]}
