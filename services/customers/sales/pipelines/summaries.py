"""The deals of a pipeline by stage: their number, their amounts by currency, and the amounts by probability."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Feature,
    MoneySum,
    Query,
    Reference,
    Resource,
    TimeRange,
    Work,
    day_range,
    equals,
    time_range,
)
from services.customers.sales import tables
from services.customers.sales.queries.pipelines import PipelineStage
from services.customers.sales.rules.pipelines import weighted

feature = Feature("pipelines")


@dataclass(frozen=True, slots=True)
class StageSum:
    """The deals of a stage in a currency."""

    stage_id: UUID
    currency: str
    deals: int
    minor: Decimal


class StageAmount(Resource):
    """The amounts of a stage's deals in a currency."""

    total: MoneySum
    """The sum of their amounts."""
    weighted: MoneySum
    """The sum times the probability of the stage, rounded half up."""


class StageSummary(PipelineStage):
    """The deals of a stage."""

    deals: Annotated[int, Field(description="How many deals there are, also those without an amount.")]
    amounts: list[StageAmount]
    """Their amounts, by currency."""


class PipelineSummary(Resource):
    """The deals of a pipeline by stage."""

    pipeline_id: UUID
    """The pipeline."""
    stages: list[StageSummary]
    """The stages in order."""


@feature.get("/pipelines/{id:uuid}/summary", scope="customers:read", expensive=True)
async def summarize_pipeline(
    work: Work,
    id: UUID,
    expected_close_on: Annotated[TimeRange, Depends(day_range("expected_close_on"))],
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    owner_id: Annotated[Reference | None, Parameter(description="Only deals of this salesperson.")] = None,
) -> PipelineSummary:
    """Return the number and the amounts of the deals in each stage, won and lost ones included."""
    await work.get(tables.Pipeline, id)
    stages = await work.find_all(tables.Stage, pipeline_id=id, order_by="position, id")
    where = [*equals(owner_id=owner_id), *expected_close_on.filters, *created_at.filters]
    sums = await work.select(_SUMS.where(where), pipeline_id=id)
    return PipelineSummary(pipeline_id=id, stages=[_summary(stage, sums) for stage in stages])


def _summary(stage: tables.Stage, sums: Iterable[StageSum]) -> StageSummary:
    own = [each for each in sums if each.stage_id == stage.id]
    amounts = [
        StageAmount(
            total=MoneySum.of(int(each.minor), each.currency),
            weighted=MoneySum.of(weighted(int(each.minor), stage.probability, each.currency), each.currency),
        )
        for each in own
    ]
    return StageSummary.from_row(stage, deals=sum(each.deals for each in own), amounts=amounts)


_SUMS = Query(
    StageSum,
    """
    select stage_id, currency, count(*) as deals, coalesce(sum(amount_minor), 0)::numeric as minor from deal
    where pipeline_id = :pipeline_id and {where} group by stage_id, currency order by currency
    """,
)
