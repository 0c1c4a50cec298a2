"""The operations on refunds of a known purchase."""

from uuid import UUID

from chassis import Feature, Money, Page, PageParams, Upserted, Work, equals, paginate, reject_future
from services.interactions.orders import tables
from services.interactions.orders.refunds.recording import RefundExceedsPurchase, record_refund
from services.interactions.orders.refunds.schemas import Refund, RefundCreate
from services.interactions.sources.queries import SourceIdReused

feature = Feature("refunds")


@feature.post(
    "/purchases/{id:uuid}/refunds", scope="interactions:write", raises=[RefundExceedsPurchase, SourceIdReused]
)
async def refund_purchase(work: Work, id: UUID, body: RefundCreate) -> Upserted[Refund]:
    """Record a refund. A repeat with the same source id returns the existing refund with 200."""
    reject_future(work, body.refunded_at, "/refunded_at")
    row, created = await record_refund(work, await work.get(tables.Purchase, id), body)
    return Upserted(to_resource(row), created)


@feature.get("/purchases/{id:uuid}/refunds", scope="interactions:read")
async def list_refunds(work: Work, id: UUID, params: PageParams) -> Page[Refund]:
    """List the refunds of a purchase, oldest first."""
    await work.get(tables.Purchase, id)
    return await paginate(work, params, tables.Refund, to_resource, where=equals(purchase_id=id))


def to_resource(row: tables.Refund) -> Refund:
    """Return a refund as the API shows it."""
    return Refund.from_row(row, amount=Money.of(row.amount_minor, row.currency))
