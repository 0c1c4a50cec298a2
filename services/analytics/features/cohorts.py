"""Cohorts and retention: who came together, who still comes, and how many are kept from one day to another."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from chassis import Feature, Instant, Invalid, Timezone, Work
from chassis.values import LATEST
from services.analytics import rules

feature = Feature("cohorts")

COHORTS = (
    "A cohort are the customers whose first purchase, in any currency, fell into the month, in the time zone. "
    "active[k] are those of them who bought in the k-th month after it; active[0] is the size. The list ends with the "
    "last month in which anybody bought; from partial_from on a month was not over at as_of."
)
RETENTION = (
    "A customer at a moment is one who bought within the window before it. new are those at the end whose first "
    "purchase lies after the start. rate = (at_end - new) / at_start, null without anybody at the start."
)


class Cohort(BaseModel):
    """Those who first bought in one month, and how many of them bought in each month since."""

    month: str
    size: int
    active: list[int]
    partial_from: int | None


class Cohorts(BaseModel):
    """Every cohort, oldest first."""

    as_of: datetime
    timezone: str
    cohorts: list[Cohort]
    definition: str


class Retention(BaseModel):
    """How many customers were kept over a period."""

    at_start: int
    new: int
    at_end: int
    rate: float | None
    window_days: int
    definition: str


@feature.get("/analytics/cohorts", scope="analytics:read")
async def read_cohorts(
    work: Work,
    timezone: Annotated[Timezone | None, Query(description="The tenant's own when not given.")] = None,
    as_of: Annotated[Instant | None, Query(description="Purchases up to this moment; all when not given.")] = None,
) -> Cohorts:
    """Customers by the month of their first purchase, and in which months they came again."""
    zone = timezone or work.tenant.timezone
    rows = await work.fetch(_COHORTS, zone, as_of or LATEST, as_of or work.now)
    return Cohorts(
        as_of=as_of or work.now,
        timezone=zone,
        cohorts=[
            Cohort(month=row["month"], size=row["active"][0], active=row["active"], partial_from=row["partial_from"])
            for row in rows
        ],
        definition=COHORTS,
    )


@feature.get("/analytics/retention", scope="analytics:read")
async def read_retention(
    work: Work,
    begins: Annotated[Instant, Query(alias="from", description="The start of the period.")],
    ends: Annotated[Instant, Query(alias="to", description="Its end.")],
    window_days: Annotated[int, Query(ge=1, le=3660, description="How long a purchase makes a customer.")] = 365,
) -> Retention:
    """The share of the customers at the start of a period who still are at its end."""
    if ends <= begins:
        raise Invalid.field("/to", "not_after", "the end must lie after the start", "query")
    row = await work.fetch_one(_RETENTION, begins, ends, window_days)
    assert row is not None
    rate = rules.retention_rate(row["at_start"], row["at_end"], row["new"])
    return Retention(**row, rate=rate, window_days=window_days, definition=RETENTION)


_COHORTS = """
    with active as (
        select distinct customer_id, date_trunc('month', purchased_at at time zone $1) as month
        from purchase_fact where purchased_at <= $2
    ), joined as (
        select customer_id, min(month) as month from active group by customer_id
    ), counted as (
        select joined.month as cohort, active.month as month, count(*) as customers
        from active join joined using (customer_id) group by joined.month, active.month
    ), horizon as (
        select max(month) as month from active
    ), cells as (
        select cohort, month, coalesce(customers, 0) as customers
        from (
            select cohort, generate_series(cohort, horizon.month, '1 month') as month
            from (select distinct cohort from counted) as cohorts, horizon
        ) as grid left join counted using (cohort, month)
    )
    select to_char(cohort, 'YYYY-MM') as month, array_agg(customers order by month) as active,
           case when bool_or(month >= date_trunc('month', $3::timestamptz at time zone $1)) then
               (count(*) filter (where month < date_trunc('month', $3::timestamptz at time zone $1)))::int
           end as partial_from
    from cells group by cohort order by cohort
"""
_RETENTION = """
    with first as (
        select customer_id, min(purchased_at) as at from purchase_fact where purchased_at <= $2 group by customer_id
    ), at_start as (
        select distinct customer_id from purchase_fact
        where purchased_at <= $1 and purchased_at > $1 - make_interval(days => $3)
    ), at_end as (
        select distinct customer_id from purchase_fact
        where purchased_at <= $2 and purchased_at > $2 - make_interval(days => $3)
    )
    select (select count(*) from at_start) as at_start,
           (select count(*) from at_end) as at_end,
           (select count(*) from at_end join first using (customer_id) where first.at > $1) as new
"""
