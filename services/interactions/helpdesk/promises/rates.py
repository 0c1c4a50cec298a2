"""How many promises are kept: those that were due in a period, by agent or by team."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import NOT_AFTER, Feature, Moment, Query, Resource, ValidationFailed, Work, first_instant, last_instant
from services.interactions.helpdesk.rules.promises import keeping_rate

feature = Feature("promises")

PromiseOwnerKind = TypeAliasType("PromiseOwnerKind", Literal["agent", "team"])


@dataclass(frozen=True, slots=True)
class OwnerCounts:
    """The promises of an owner that were due in a period."""

    owner: str | None
    kept: int
    broken: int


class KeepingRate(Resource):
    """The share of promises that were kept."""

    kept: int
    """How many were kept."""
    broken: int
    """How many were broken. One that was done late is broken."""
    rate: float | None
    """kept / (kept + broken), between 0 and 1. Null if there are none."""


class OwnerKeepingRate(KeepingRate, row=OwnerCounts, computed=("rate",)):
    """The share of the promises of an agent or a team that were kept."""

    owner: str | None
    """The agent or the team. Null for promises that have only the other."""


class PromiseKeepingRates(Resource):
    """The shares of the promises that were kept, of those that were due in a period."""

    starts_at: datetime
    """The start of the period."""
    ends_at: datetime
    """The end of the period."""
    total: KeepingRate
    """The share of all of them."""
    rates: list[OwnerKeepingRate]
    """The shares by agent or by team, in the order of their ids."""


@feature.get("/promise-keeping-rates", scope="interactions:read", expensive=True)
async def read_promise_keeping_rates(
    work: Work,
    begins: Annotated[
        Moment,
        Parameter(alias="from", description="Start of the period: a time, or a day of the tenant's time zone."),
    ],
    ends: Annotated[
        Moment,
        Parameter(alias="to", description="End of the period: a time, or a day, which is included."),
    ],
    by: Annotated[PromiseOwnerKind, Parameter(description="By agent or by team.")] = "agent",
) -> PromiseKeepingRates:
    """Return the shares of promises that were kept, of those that were due in a period.

    Promises that are still open, and those that were withdrawn, do not count.
    """
    start, end = first_instant(begins, work.tenant.timezone), last_instant(ends, work.tenant.timezone)
    if end < start:
        raise ValidationFailed.field("/to", NOT_AFTER, "the end must be after the start", "query")
    counts = await work.select(_COUNTS[by], begins=start, ends=end, now=work.now)
    kept, broken = sum(each.kept for each in counts), sum(each.broken for each in counts)
    rates = [OwnerKeepingRate.from_row(each, rate=keeping_rate(each.kept, each.broken)) for each in counts]
    total = KeepingRate(kept=kept, broken=broken, rate=keeping_rate(kept, broken))
    return PromiseKeepingRates(starts_at=start, ends_at=end, total=total, rates=rates)


# An open promise whose due time is over is broken, whether or not the worker has announced it.
def _counts_by(column: str) -> Query[OwnerCounts]:
    return Query(
        OwnerCounts,
        f"""
        select {column} as owner, count(*) filter (where state = 'kept') as kept,
            count(*) filter (where state <> 'kept') as broken
        from promise
        where due_at >= :begins and due_at <= :ends
            and (state in ('kept', 'broken') or (state = 'open' and due_at < :now))
        group by 1 order by 1 nulls last
        """,
    )


_COUNTS: dict[PromiseOwnerKind, Query[OwnerCounts]] = {"agent": _counts_by("owner_id"), "team": _counts_by("team")}
