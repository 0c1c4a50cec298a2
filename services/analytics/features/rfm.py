"""RFM: customers by how lately, how often and for how much they buy (Hughes 1994)."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from chassis import Currency, Feature, Instant, Work
from chassis.money import text_from_minor
from chassis.values import LATEST
from services.analytics import rules

feature = Feature("rfm")

DEFINITION = (
    "Customers with a purchase in the currency up to as_of, in fifths by their last purchase, by the number of "
    "purchases and by revenue less refunds; 5 is best, ties go by id. A cell's segment is the name of its code."
)


class RfmCell(BaseModel):
    """The customers of one code."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    revenue: str
    segment: str


class Rfm(BaseModel):
    """Every code that has customers, best first."""

    as_of: datetime
    currency: str
    cells: list[RfmCell]
    definition: str


@feature.get("/analytics/rfm", scope="analytics:read")
async def read_rfm(
    work: Work,
    as_of: Annotated[Instant | None, Query(description="Purchases up to this moment; all when not given.")] = None,
    currency: Annotated[Currency | None, Query(description="The tenant's own when not given.")] = None,
) -> Rfm:
    """Customers in fifths by recency, frequency and revenue."""
    chosen = currency or work.tenant.currency
    rows = await work.fetch(_CELLS, chosen, as_of or LATEST)
    return Rfm(
        as_of=as_of or work.now,
        currency=chosen,
        cells=[
            RfmCell(
                recency=row["recency"],
                frequency=row["frequency"],
                monetary=row["monetary"],
                customers=row["customers"],
                revenue=text_from_minor(row["revenue"], chosen),
                segment=rules.rfm_segment(row["recency"], row["frequency"], row["monetary"]),
            )
            for row in rows
        ],
        definition=DEFINITION,
    )


_CELLS = """
    with bought as (
        select customer_id, max(purchased_at) as last_at, count(*) as purchases, sum(revenue_minor) as bought
        from purchase_fact where currency = $1 and purchased_at <= $2 group by customer_id
    ), refunded as (
        select customer_id, sum(amount_minor) as refunded from refund_fact
        where currency = $1 and refunded_at <= $2 group by customer_id
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
"""
