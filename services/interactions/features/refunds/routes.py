"""The operations on refunds of a purchase that is known."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Response

from chassis import Feature, Money, Page, Paged, Work, page, shown
from services.interactions.features.refunds.recording import MoreThanIsLeft, record_refund
from services.interactions.features.refunds.wire import NewRefund, Refund, RefundLine
from services.interactions.model import Purchase
from services.interactions.model import Refund as Row
from services.interactions.operations import SourceIdReused, refuse_the_future

feature = Feature("refunds")


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
    row, new = await record_refund(work, await work.get(Purchase, id), wanted)
    if not new:
        response.status_code = 200
    return refund_of(vars(row))


@feature.get("/purchases/{id:uuid}/refunds", scope="interactions:read")
async def list_refunds(work: Work, id: UUID, paging: Paged) -> Page[Refund]:
    """What has gone back for a purchase, oldest first."""
    await work.get(Purchase, id)
    return await page(work, paging, Row, refund_of, where={"purchase_id": id})


def refund_of(row: Mapping[str, Any]) -> Refund:
    """The refund as it is shown."""
    lines = [shown(RefundLine, line) for line in row["lines"]]
    return shown(Refund, row, amount=Money.of(row["amount_minor"], row["currency"]), lines=lines)
