"""RFM: customers by recency, frequency and monetary value of their purchases (Hughes 1994)."""

from dataclasses import dataclass
from datetime import datetime

from chassis import LATEST, AmountSum, Feature, Query, Resource, Work, text_from_minor
from services.analytics.facts.queries import AsOf, InCurrency, end_of
from services.analytics.value import rules

feature = Feature("rfm")

DEFINITION = (
    "Customers with a purchase in the currency up to as_of, scored by the time of their last purchase, by their number "
    "of purchases, and by revenue. Purchases count even if they were refunded; revenue is net of refunds up to as_of. "
    "A score is 5 times the share of customers whose value is not above theirs, rounded up. Equal customers have equal "
    "scores, and the best have 5. The segment of a cell follows from its three scores."
)


@dataclass(frozen=True, slots=True)
class CellRow:
    """The customers of a combination of scores. Revenue is in minor units, and may exceed a bigint."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    revenue: str


class RfmCell(Resource, row=CellRow, computed=("revenue", "segment")):
    """The customers of a combination of scores."""

    recency: int
    """The score for the time of the last purchase, from 1 to 5."""
    frequency: int
    """The score for the number of purchases, from 1 to 5."""
    monetary: int
    """The score for revenue, from 1 to 5."""
    customers: int
    """The customers with these scores."""
    revenue: AmountSum
    """Their revenue."""
    segment: rules.RfmSegment
    """The segment that follows from the scores."""


class Rfm(Resource):
    """Every combination of scores that has customers, best first."""

    as_of: datetime
    """The time up to which purchases and refunds count."""
    currency: str
    """The currency of the figures."""
    cells: list[RfmCell]
    """The combinations of scores, best first."""
    definition: str
    """The definition of the figures."""


@feature.get("/analytics/rfm", scope="analytics:read", expensive=True)
async def read_rfm(work: Work, as_of: AsOf = None, currency: InCurrency = None) -> Rfm:
    """Return the customers by their scores for recency, frequency and revenue, from 1 to 5."""
    chosen = currency or work.tenant.currency
    end = end_of(as_of, work.tenant.timezone)
    cells = await work.select(_CELLS, currency=chosen, as_of=end or LATEST)
    return Rfm(
        as_of=end or work.now, currency=chosen, cells=[_cell(cell, chosen) for cell in cells], definition=DEFINITION
    )


def _cell(cell: CellRow, currency: str) -> RfmCell:
    segment = rules.rfm_segment(cell.recency, cell.frequency, cell.monetary)
    return RfmCell.from_row(cell, revenue=text_from_minor(int(cell.revenue), currency), segment=segment)


_CELLS = Query(
    CellRow,
    """
    with net as (
        select customer_id, max(purchased_at) as last_at, count(purchased_at) as purchases, sum(minor) as revenue
        from (
            select customer_id, revenue_minor as minor, purchased_at from purchase_fact
            where currency = :currency and purchased_at <= :as_of
            union all
            select customer_id, -amount_minor, null from refund_fact
            where currency = :currency and refunded_at <= :as_of
        ) as fact group by customer_id having count(purchased_at) > 0
    ), ranked as (
        -- a window that is only ordered ends with the last row of equal value: it counts the values not above
        select revenue,
               count(*) over () as customers,
               count(*) over (order by last_at) as by_time,
               count(*) over (order by purchases) as by_purchases,
               count(*) over (order by revenue) as by_revenue
        from net
    ), scored as (
        -- the share is rounded up in integers, because cume_dist() is a float: 5 * 0.6 may exceed 3
        select revenue,
               (5 * by_time + customers - 1) / customers as recency,
               (5 * by_purchases + customers - 1) / customers as frequency,
               (5 * by_revenue + customers - 1) / customers as monetary
        from ranked
    )
    select recency, frequency, monetary, count(*) as customers, sum(revenue)::text as revenue
    from scored group by recency, frequency, monetary
    order by recency desc, frequency desc, monetary desc
    """,
)
