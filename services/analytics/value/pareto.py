"""Pareto: the share of revenue that the best customers bring. The 80 % is measured, never assumed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query as Parameter
from typing_extensions import TypeAliasType, TypedDict

from chassis import LATEST, AmountSum, Feature, Query, Resource, UnitOfWork, Work, text_from_minor
from services.analytics.facts.queries import AsOf, InCurrency, end_of
from services.analytics.facts.rules import share
from services.analytics.value import rules

feature = Feature("pareto")

ParetoPopulation = TypeAliasType("ParetoPopulation", Literal["all", "repeat"])
DEFINITION = (
    "Customers with at least one purchase in the currency up to as_of, by their revenue. A purchase counts even if it "
    "was refunded. Revenue is net of refunds up to as_of; a customer's negative revenue counts as zero. The top 10 or "
    "20 % are that share of the customers, rounded down, and at least one. Decile 1 holds the best customers; ties are "
    "ordered by id. Gini = 2 sum(i v_i) / (n sum v) - (n + 1) / n, with ascending revenues v."
)


class DecileDocument(TypedDict):
    """A tenth of the customers, as the query returns it. Revenue is in minor units, and may exceed a bigint."""

    decile: int
    customers: int
    revenue: str


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """The figures as the query returns them. Revenues are in minor units, and may exceed a bigint."""

    customers: int
    revenue: str
    top_10: str
    top_20: str
    customers_for_80_percent: int
    weighted: str
    """The revenues, each times its rank in ascending order, summed."""
    deciles: list[DecileDocument]


class ParetoDecile(Resource):
    """A tenth of the customers."""

    decile: int
    """The number of the tenth, from 1 for the best customers."""
    customers: int
    """The customers in it."""
    revenue: AmountSum
    """Their revenue."""
    share: float
    """Their share of all revenue."""


class Pareto(Resource):
    """The distribution of revenue over customers."""

    as_of: datetime
    """The time up to which purchases and refunds count."""
    currency: str
    """The currency of the figures."""
    customers: int
    """The number of customers."""
    revenue: AmountSum
    """Their revenue, less refunds."""
    top_10_percent_share: float
    """The share of revenue of the best tenth of the customers."""
    top_20_percent_share: float
    """The share of revenue of the best fifth of the customers."""
    customers_for_80_percent: int
    """The smallest number of customers that bring 80 % of the revenue."""
    gini: float
    """The Gini coefficient: 0 if all customers are equal, towards 1 if few bring everything."""
    deciles: list[ParetoDecile]
    """The customers by tenths, best first."""
    definition: str
    """The definition of the figures."""


@feature.get("/analytics/pareto", scope="analytics:read", expensive=True)
async def read_pareto(
    work: Work,
    as_of: AsOf = None,
    currency: InCurrency = None,
    population: Annotated[
        ParetoPopulation, Parameter(description="`repeat`: customers who bought on more than one day.")
    ] = "all",
) -> Pareto:
    """Return the distribution of revenue over customers in a currency."""
    chosen = currency or work.tenant.currency
    end = end_of(as_of, work.tenant.timezone)
    row = await _read_figures(work, end, chosen, population)
    revenue = int(row.revenue)
    return Pareto(
        as_of=end or work.now,
        currency=chosen,
        customers=row.customers,
        revenue=text_from_minor(revenue, chosen),
        top_10_percent_share=share(int(row.top_10), revenue),
        top_20_percent_share=share(int(row.top_20), revenue),
        customers_for_80_percent=row.customers_for_80_percent,
        gini=rules.gini(int(row.weighted), revenue, row.customers),
        deciles=[_decile(decile, revenue, chosen) for decile in row.deciles],
        definition=DEFINITION,
    )


async def _read_figures(
    work: UnitOfWork, as_of: datetime | None, currency: str, population: ParetoPopulation
) -> ParetoRow:
    """Return the figures: of all customers and all times from their sums, else from their facts."""
    if population == "repeat":
        zone = work.tenant.timezone
        return await work.fetch_row(_OF_REPEAT_BUYERS, currency=currency, as_of=as_of or LATEST, timezone=zone)
    if as_of is not None:
        return await work.fetch_row(_FROM_FACTS, currency=currency, as_of=as_of)
    return await work.fetch_row(_FROM_SUMS, currency=currency)


def _decile(decile: DecileDocument, total: int, currency: str) -> ParetoDecile:
    revenue = int(decile["revenue"])
    return ParetoDecile(
        decile=decile["decile"],
        customers=decile["customers"],
        revenue=text_from_minor(revenue, currency),
        share=share(revenue, total),
    )


_REVENUES_FROM_SUMS = """
    select customer_id, greatest(revenue_minor, 0) as revenue from customer_value
    where currency = :currency and purchases > 0
"""
_REVENUES_FROM_FACTS = """
    select customer_id, greatest(sum(minor), 0) as revenue
    from (
        select customer_id, revenue_minor as minor, purchased_at from purchase_fact
        where currency = :currency and purchased_at <= :as_of
        union all
        select customer_id, -amount_minor, null from refund_fact
        where currency = :currency and refunded_at <= :as_of
    ) as fact group by customer_id having {having}
"""
_ON_A_DAY = "count(purchased_at) > 0"
_ON_TWO_DAYS = "count(distinct (purchased_at at time zone :timezone)::date) > 1"
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
        select (place - 1) * 10 / customers + 1 as decile, count(*) as customers, sum(revenue)::text as revenue
        from ranked group by 1
    )
    select count(*) as customers,
           coalesce(sum(revenue), 0)::text as revenue,
           coalesce(sum(case when place <= greatest(customers * 10 / 100, 1) then revenue end), 0)::text as top_10,
           coalesce(sum(case when place <= greatest(customers * 20 / 100, 1) then revenue end), 0)::text as top_20,
           -- the customer whose revenue reaches 80 % is among those who are needed for it
           coalesce(sum(case when (running - revenue) * 100 < total * 80 then 1 end), 0)::bigint
               as customers_for_80_percent,
           coalesce(sum((customers - place + 1)::numeric * revenue), 0)::text as weighted,
           (select coalesce(json_agg(deciles order by decile), '[]') from deciles) as deciles
    from ranked
"""
_FROM_SUMS = Query(ParetoRow, _FIGURES.format(revenues=_REVENUES_FROM_SUMS))
_FROM_FACTS = Query(ParetoRow, _FIGURES.format(revenues=_REVENUES_FROM_FACTS.format(having=_ON_A_DAY)))
_OF_REPEAT_BUYERS = Query(ParetoRow, _FIGURES.format(revenues=_REVENUES_FROM_FACTS.format(having=_ON_TWO_DAYS)))
