"""Pareto: how much of the revenue few customers bring. The 80 % is measured, never assumed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel

from chassis import Currency, Feature, Instant, Work
from chassis.money import text_from_minor
from chassis.values import LATEST
from services.analytics import rules

feature = Feature("pareto")

DEFINITION = (
    "Customers with at least one purchase in the currency, by their revenue less refunds up to as_of; a negative one "
    "counts as nothing. The top 10 or 20 % are the whole part of that share of the customers, and at least one. Decile "
    "1 are the best customers; ties go by id. Gini = 2 sum(i v_i) / (n sum v) - (n + 1) / n over rising revenues."
)


class Decile(BaseModel):
    """A tenth of the customers."""

    decile: int
    customers: int
    revenue: str
    share: float


class Pareto(BaseModel):
    """How revenue is spread over customers."""

    as_of: datetime
    currency: str
    customers: int
    revenue: str
    top_10_percent_share: float
    top_20_percent_share: float
    customers_for_80_percent: int
    gini: float
    deciles: list[Decile]
    definition: str


@feature.get("/analytics/pareto", scope="analytics:read")
async def read_pareto(
    work: Work,
    as_of: Annotated[Instant | None, Query(description="Purchases up to this moment; all when not given.")] = None,
    currency: Annotated[Currency | None, Query(description="The tenant's own when not given.")] = None,
    population: Annotated[
        Literal["all", "repeat"], Query(description="`repeat`: those who bought on more than one day.")
    ] = "all",
) -> Pareto:
    """The distribution of revenue over customers in one currency."""
    chosen = currency or work.tenant.currency
    revenues: str = _FROM_SUMS
    values: list[Any] = [chosen]
    if population == "repeat":
        revenues, values = _FROM_FACTS.format(having=_REPEATERS), [chosen, as_of or LATEST, work.tenant.timezone]
    elif as_of is not None:
        revenues, values = _FROM_FACTS.format(having=""), [chosen, as_of]
    row = await work.fetch_one(_FIGURES.format(revenues=revenues), *values)
    assert row is not None
    count, total = row["customers"], row["revenue"]
    return Pareto(
        as_of=as_of or work.now,
        currency=chosen,
        customers=count,
        revenue=text_from_minor(total, chosen),
        top_10_percent_share=rules.share(row["top_10"], total),
        top_20_percent_share=rules.share(row["top_20"], total),
        customers_for_80_percent=row["for_80"],
        gini=rules.gini(int(row["weighted"]), total, count),
        deciles=[
            Decile(
                decile=one["decile"],
                customers=one["customers"],
                revenue=text_from_minor(one["revenue"], chosen),
                share=rules.share(one["revenue"], total),
            )
            for one in row["deciles"]
        ],
        definition=DEFINITION,
    )


_FROM_SUMS = """
    select customer_id, greatest(revenue_minor, 0) as revenue from customer_value
    where currency = $1 and purchases > 0
"""
_FROM_FACTS = """
    select customer_id, greatest(sum(bought) - coalesce(max(refunded), 0), 0) as revenue
    from (
        select customer_id, sum(revenue_minor) as bought from purchase_fact
        where currency = $1 and purchased_at <= $2 group by customer_id {having}
    ) as purchases left join (
        select customer_id, sum(amount_minor) as refunded from refund_fact
        where currency = $1 and refunded_at <= $2 group by customer_id
    ) as refunds using (customer_id)
    group by customer_id
"""
_REPEATERS = "having count(distinct (purchased_at at time zone $3)::date) > 1"
_FIGURES = """
    with revenues as ({revenues}),
    ranked as (
        select revenue,
               row_number() over (order by revenue desc, customer_id) as place,
               count(*) over () as customers,
               sum(revenue) over (order by revenue desc, customer_id rows unbounded preceding) as running,
               sum(revenue) over () as total
        from revenues
    ),
    deciles as (
        select (place - 1) * 10 / customers + 1 as decile, count(*) as customers, sum(revenue)::bigint as revenue
        from ranked group by 1
    )
    select count(*) as customers,
           coalesce(sum(revenue), 0)::bigint as revenue,
           coalesce(sum(case when place <= greatest(customers * 10 / 100, 1) then revenue end), 0)::bigint as top_10,
           coalesce(sum(case when place <= greatest(customers * 20 / 100, 1) then revenue end), 0)::bigint as top_20,
           -- the customer whose revenue reaches 80 % belongs to those who are needed for it
           coalesce(sum(case when (running - revenue) * 100 < total * 80 then 1 end), 0)::bigint as for_80,
           coalesce(sum((customers - place + 1)::numeric * revenue), 0)::text as weighted,
           (select coalesce(json_agg(deciles order by decile), '[]') from deciles) as deciles
    from ranked
"""
