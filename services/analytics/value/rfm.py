"""RFM: customers by recency, frequency and monetary value of their purchases (Hughes 1994)."""

from dataclasses import dataclass
from datetime import datetime

from chassis import LATEST, Feature, Query, Resource, Work, text_from_minor
from services.analytics.facts.queries import AsOf, InCurrency
from services.analytics.value import rules

feature = Feature("rfm")

DEFINITION = (
    "Customers with a purchase in the currency up to as_of, in fifths by the time of their last purchase, by their "
    "number of purchases, and by revenue less refunds; 5 is best, and ties are ordered by id. The segment of a cell "
    "follows from its three scores."
)


@dataclass(frozen=True, slots=True)
class CellRow:
    """The customers of a combination of scores. Revenue is in minor units."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    revenue: int


class RfmCell(Resource, row=CellRow, computed=("revenue", "segment")):
    """The customers of a combination of scores."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    revenue: str
    segment: str


class Rfm(Resource):
    """Every combination of scores that has customers, best first."""

    as_of: datetime
    currency: str
    cells: list[RfmCell]
    definition: str


@feature.get("/analytics/rfm", scope="analytics:read")
async def read_rfm(work: Work, as_of: AsOf = None, currency: InCurrency = None) -> Rfm:
    """Return the customers in fifths by recency, frequency and revenue."""
    chosen = currency or work.tenant.currency
    cells = await work.select(_CELLS, currency=chosen, as_of=as_of or LATEST)
    return Rfm(
        as_of=as_of or work.now, currency=chosen, cells=[_cell(cell, chosen) for cell in cells], definition=DEFINITION
    )


def _cell(cell: CellRow, currency: str) -> RfmCell:
    segment = rules.rfm_segment(cell.recency, cell.frequency, cell.monetary)
    return RfmCell.from_row(cell, revenue=text_from_minor(cell.revenue, currency), segment=segment)


_CELLS = Query(
    CellRow,
    """
    with bought as (
        select customer_id, max(purchased_at) as last_at, count(*) as purchases, sum(revenue_minor) as bought
        from purchase_fact where currency = :currency and purchased_at <= :as_of group by customer_id
    ), refunded as (
        select customer_id, sum(amount_minor) as refunded from refund_fact
        where currency = :currency and refunded_at <= :as_of group by customer_id
    ), net as (
        select customer_id, last_at, purchases, bought - coalesce(refunded, 0) as revenue
        from bought left join refunded using (customer_id)
    ), scored as (
        select revenue,
               ntile(5) over (order by last_at, customer_id) as recency,
               ntile(5) over (order by purchases, customer_id) as frequency,
               ntile(5) over (order by revenue, customer_id) as monetary
        from net
    )
    select recency, frequency, monetary, count(*) as customers, sum(revenue)::bigint as revenue
    from scored group by recency, frequency, monetary
    order by recency desc, frequency desc, monetary desc
    """,
)
