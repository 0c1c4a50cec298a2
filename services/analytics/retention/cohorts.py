"""Cohorts and retention: customers by the month of their first purchase, and how many remain customers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query as Parameter

from chassis import LATEST, NOT_AFTER, Feature, Moment, Query, Resource, Timezone, ValidationFailed, Work, last_instant
from services.analytics.facts.queries import AsOf, end_of
from services.analytics.retention import rules

feature = Feature("cohorts")

COHORTS = (
    "A cohort is the customers whose first purchase, in any currency, was in the month, in the time zone. active[k] "
    "is the number of them who bought in the k-th month after it; active[0] is the size. Purchases count even if they "
    "were refunded. The list ends with the last month that has a purchase; from index partial_from on, a month was not "
    "over at as_of."
)
RETENTION = (
    "A customer at a time has made a purchase up to it, in any currency, and within the window before it. The window "
    "is window_days of 24 hours. Purchases count even if they were refunded. The start is starts_at: the last "
    "microsecond before the day if from is a day. The end is ends_at: the last microsecond of the day if to is a day. "
    "new is the number of customers at the end whose first purchase was after the start. rate = (at_end - new) / "
    "at_start; null without customers at the start."
)


class Cohort(Resource):
    """The customers who first bought in a month, and how many of them bought in each month since."""

    month: str
    """The month of the first purchase, as `2026-03`."""
    size: int
    """The customers of the cohort."""
    active: list[int]
    """The customers of the cohort who bought in each month since, from the first month on."""
    partial_from: int | None
    """The index from which on a month was not over at `as_of`, or null."""


class CohortAnalysis(Resource):
    """Every cohort, oldest first."""

    as_of: datetime
    """The time up to which purchases count."""
    timezone: str
    """The time zone of the months."""
    cohorts: list[Cohort]
    """The cohorts, oldest first."""
    definition: str
    """The definition of the figures."""


@dataclass(frozen=True, slots=True)
class RetentionCounts:
    """Customers at the start and at the end of a period, and the new customers among the latter."""

    at_start: int
    at_end: int
    new: int


class Retention(Resource, row=RetentionCounts, computed=("starts_at", "ends_at", "rate", "window_days", "definition")):
    """How many customers were retained over a period."""

    starts_at: datetime
    """The start of the period."""
    ends_at: datetime
    """The end of the period."""
    at_start: int
    """The customers at the start."""
    new: int
    """The customers at the end whose first purchase was in the period."""
    at_end: int
    """The customers at the end."""
    rate: float | None
    """The retained share of the customers at the start, or null without any."""
    window_days: int
    """For how many days a purchase makes a customer."""
    definition: str
    """The definition of the figures."""


@feature.get("/analytics/cohorts", scope="analytics:read", expensive=True)
async def read_cohorts(
    work: Work,
    timezone: Annotated[Timezone | None, Parameter(description="Default: the tenant's time zone.")] = None,
    as_of: AsOf = None,
) -> CohortAnalysis:
    """Return the customers by the month of their first purchase, and the months in which they bought again."""
    zone = timezone or work.tenant.timezone
    end = end_of(as_of, zone)
    # The month that ends with the last instant is over: the next one begins after it.
    after = work.now if end is None else end + timedelta(microseconds=1)
    cohorts = await work.select(_COHORTS, timezone=zone, as_of=end or LATEST, after=after)
    return CohortAnalysis(as_of=end or work.now, timezone=zone, cohorts=cohorts, definition=COHORTS)


@feature.get("/analytics/retention", scope="analytics:read", expensive=True)
async def read_retention(
    work: Work,
    begins: Annotated[
        Moment,
        Parameter(alias="from", description="Start of the period: a time, or a day of the tenant's time zone."),
    ],
    ends: Annotated[
        Moment,
        Parameter(alias="to", description="End of the period: a time, or a day, which is included."),
    ],
    window_days: Annotated[
        int, Parameter(ge=1, le=3660, description="For how many days a purchase makes a customer.")
    ] = 365,
) -> Retention:
    """Return the share of the customers at the start of a period who are still customers at its end."""
    start, end = _last_instant_before(begins, work.tenant.timezone), last_instant(ends, work.tenant.timezone)
    if end <= start:
        raise ValidationFailed.field("/to", NOT_AFTER, "the end must be after the start", "query")
    counts = await work.fetch_row(_RETENTION, begins=start, ends=end, window_days=window_days)
    return Retention.from_row(
        counts,
        rate=rules.retention_rate(counts.at_start, counts.at_end, counts.new),
        starts_at=start,
        ends_at=end,
        window_days=window_days,
        definition=RETENTION,
    )


def _last_instant_before(begins: Moment, timezone: str) -> datetime:
    """Return the time of the state before a period. The first purchase of its first day is new."""
    return begins if isinstance(begins, datetime) else last_instant(begins - timedelta(days=1), timezone)


# No query joins facts to facts. PostgreSQL may expect a single row of a large tenant, and would then join row by row.
_COHORTS = Query(
    Cohort,
    """
    with active as (
        select distinct customer_id, date_trunc('month', purchased_at at time zone :timezone) as month
        from purchase_fact where purchased_at <= :as_of
    ), joined as (
        select month, min(month) over (partition by customer_id) as cohort from active
    ), counted as (
        select cohort, month, count(*) as customers from joined group by cohort, month
    ), horizon as (
        select max(month) as month from counted
    ), cells as (
        select cohort, month, coalesce(customers, 0) as customers
        from (
            select cohort, generate_series(cohort, horizon.month, '1 month') as month
            from (select distinct cohort from counted) as cohorts, horizon
        ) as grid left join counted using (cohort, month)
    ), this_month as (
        select date_trunc('month', :after::timestamptz at time zone :timezone) as begins
    )
    select to_char(cohort, 'YYYY-MM') as month,
           (array_agg(customers order by month))[1] as size,
           array_agg(customers order by month) as active,
           case when bool_or(month >= begins) then (count(*) filter (where month < begins))::int end as partial_from
    from cells, this_month group by cohort order by cohort
    """,
)
_RETENTION = Query(
    RetentionCounts,
    """
    with customer as (
        select min(purchased_at) as first_at, max(purchased_at) as last_at,
               max(case when purchased_at <= :begins then purchased_at end) as last_before
        from purchase_fact where purchased_at <= :ends group by customer_id
    ), counted as (
        select first_at > :begins as is_new,
               last_at > :ends - make_interval(hours => 24 * :window_days) as is_at_end,
               last_before > :begins - make_interval(hours => 24 * :window_days) as is_at_start
        from customer
    )
    select count(case when is_at_start then 1 end) as at_start,
           count(case when is_at_end then 1 end) as at_end,
           count(case when is_at_end and is_new then 1 end) as new
    from counted
    """,
)
