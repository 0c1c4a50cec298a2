"""Refunds that are told before their purchase: they wait for it, and whoever told them is told so.

A source that sends its records in any order, or twice, names the purchase by its own number. The worker records what
waited within half a minute of its purchase; what turns out to be more than there is stays here, refused, with its why.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query, Response

from chassis import Again, Page, Paged, Problem, Work, json, page, shown, uuid7
from services.interactions import rules
from services.interactions.features.refunds.recording import MoreThanIsLeft, record_refund
from services.interactions.features.refunds.routes import feature, refund_of
from services.interactions.features.refunds.wire import (
    NamedPurchase,
    NewRefund,
    NewRefundBySource,
    Refund,
    WaitingRefund,
)
from services.interactions.model import Purchase
from services.interactions.model import WaitingRefund as Row
from services.interactions.operations import SourceIdReused, refuse_the_future

PORTION = 100


@feature.post(
    "/refunds",
    scope="interactions:write",
    status_code=201,
    refuses=[MoreThanIsLeft, SourceIdReused],
    repeatable=True,
    responses={202: {"model": WaitingRefund, "description": "Its purchase is not known yet: it waits for it."}},
)
async def refund_purchase_by_source(
    work: Work, wanted: NewRefundBySource, response: Response
) -> Refund | WaitingRefund:
    """Records a refund of a purchase that is named as its source calls it; before the purchase, it waits for it."""
    refuse_the_future(work, wanted.refunded_at, "/refunded_at")
    named = wanted.purchase
    purchase = await work.find(Purchase, source=named.source, source_id=named.source_id)
    if purchase is None:
        response.status_code = 202
        return waiting_of(vars(await _keep(work, wanted)))
    row, new = await record_refund(work, purchase, wanted)
    if not new:
        response.status_code = 200
    return refund_of(vars(row))


@feature.get("/waiting-refunds", scope="interactions:read")
async def list_waiting_refunds(
    work: Work,
    paging: Paged,
    state: Annotated[Literal["waiting", "refused"] | None, Query(description="Only those.")] = None,
) -> Page[WaitingRefund]:
    """Refunds that wait for their purchase, and those that were refused when it came; oldest first."""
    return await page(work, paging, Row, waiting_of, where={"state": state})


@feature.chore
async def record_refunds_that_waited(work: Work) -> bool:
    """Records the refunds whose purchase has been told by now, in the order in which they came."""
    found = await work.fetch(
        """
        select waiting_refund.id, wanted, purchase.id as purchase_id
        from waiting_refund
        join purchase on purchase.source = purchase_source and purchase.source_id = purchase_source_id
        where state = 'waiting' order by waiting_refund.id limit $1
        for no key update of waiting_refund skip locked
        """,
        PORTION,
    )
    for row in found:
        purchase = await work.get(Purchase, row["purchase_id"])
        try:
            await record_refund(work, purchase, NewRefund.model_validate(row["wanted"]))
        except Problem as problem:
            why = f"{problem.code}: {problem.detail}"
            await work.execute(
                "update waiting_refund set state = 'refused', problem = $2 where id = $1", row["id"], why
            )
        else:
            await work.execute("delete from waiting_refund where id = $1", row["id"])
    return len(found) == PORTION


async def _keep(work: Work, wanted: NewRefundBySource) -> Row:
    """Keeps a refund for later; told again, the one that waits. Raises SourceIdReused."""
    content = wanted.model_dump(mode="json")
    for part in (content, *(content["lines"] or [])):  # "1" and "1.000" are one quantity
        for name in ("quantity", "amount"):
            if part.get(name) is not None:
                part[name] = format(Decimal(part[name]).normalize(), "f")
    row = Row(
        id=uuid7(),
        purchase_source=wanted.purchase.source,
        purchase_source_id=wanted.purchase.source_id,
        source=wanted.source,
        source_id=wanted.source_id,
        refunded_at=wanted.refunded_at,
        wanted={name: value for name, value in content.items() if name != "purchase"},
        content_hash=rules.content_hash(json.dumps(content)),
        recorded_at=work.now,
    )
    if not await work.insert_new(row):
        standing = await work.find(Row, source=wanted.source, source_id=wanted.source_id)
        if standing is None:
            raise Again  # recorded just now: the one who runs again finds its purchase
        if standing.content_hash != row.content_hash:
            raise SourceIdReused
        return standing
    return row


def waiting_of(row: Mapping[str, Any]) -> WaitingRefund:
    """The refund as it is shown."""
    named = NamedPurchase(source=row["purchase_source"], source_id=row["purchase_source_id"])
    return shown(WaitingRefund, row, purchase=named)
