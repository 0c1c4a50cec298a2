"""The pipeline of a deal and its stages. The default pipeline is created when a tenant first needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from chassis import UNKNOWN_RECORD, Event, Query, Resource, UnitOfWork, ValidationFailed, uuid7
from services.customers.sales import tables
from services.customers.sales.rules.pipelines import DEFAULT_STAGES, StageKind

Probability = Annotated[
    str,
    Field(
        pattern=r"^(0(\.[0-9]{1,4})?|1)$",
        examples=["0.25"],
        description="The probability that a deal of the stage is won, between 0 and 1.",
    ),
]


class PipelineStage(Resource):
    """A stage of a pipeline."""

    id: UUID
    """Identifies the stage."""
    name: Annotated[str, Field(description="The name of the stage.", examples=["Proposal"])]
    kind: StageKind
    """Deals of an open stage are being made. The others are won or lost."""
    probability: Probability


class PipelineChanged(Event, type="customers.pipeline_changed.v1", partition_key="pipeline_id"):
    """A pipeline was created, or its fields or stages changed."""

    pipeline_id: UUID
    """The pipeline."""
    version: Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]
    name: Annotated[str, Field(examples=["Sales"])]
    """The name of the pipeline."""
    is_default: bool
    """Whether deals that name no pipeline belong to it."""
    stages: list[PipelineStage]
    """The stages in order."""
    changed_at: datetime
    """When it was changed."""

    @classmethod
    def of(cls, work: UnitOfWork, pipeline: tables.Pipeline, stages: Sequence[tables.Stage]) -> Self:
        """Return the event of a pipeline with these stages."""
        shown = [PipelineStage.from_row(stage) for stage in stages]
        return cls.from_row(pipeline, pipeline_id=pipeline.id, stages=shown, changed_at=work.now)


@dataclass(frozen=True, slots=True)
class LockedPipeline:
    """A pipeline and its stages in order. They stay while the transaction runs."""

    pipeline: tables.Pipeline
    stages: Sequence[tables.Stage]

    def stage(self, id: UUID, pointer: str = "/stage_id") -> tables.Stage:
        """Return a stage. Raises ValidationFailed if the pipeline has no such stage."""
        for stage in self.stages:
            if stage.id == id:
                return stage
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, f"the pipeline has no stage with the id {id}")

    def first(self, kind: str) -> tables.Stage:
        """Return the first stage of a kind. Every pipeline has one of each."""
        return next(stage for stage in self.stages if stage.kind == kind)


async def lock_pipeline(work: UnitOfWork, id: UUID) -> LockedPipeline:
    """Return a pipeline with its stages, which no concurrent transaction removes."""
    stages = await work.fetch(_LOCK_STAGES, pipeline_id=id)
    return LockedPipeline(await work.get(tables.Pipeline, id), stages)


async def named_pipeline(work: UnitOfWork, id: UUID | None, pointer: str = "/pipeline_id") -> LockedPipeline:
    """Return the pipeline that a body names, or the default one. Raises ValidationFailed if it does not exist."""
    if id is None:
        return await _default_pipeline(work)
    if await work.find(tables.Pipeline, id=id) is None:
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, f"no pipeline has the id {id}")
    return await lock_pipeline(work, id)


async def stage_names(work: UnitOfWork, id: UUID | None, pointer: str = "/pipeline_id") -> list[str]:
    """Return the names of a pipeline's stages. Of the default one, also before a first deal creates it."""
    named = {"is_default": True} if id is None else {"id": id}
    pipeline = await work.find(tables.Pipeline, **named)
    if pipeline is not None:
        return [
            stage.name for stage in await work.find_all(tables.Stage, pipeline_id=pipeline.id, order_by="position, id")
        ]
    if id is not None:
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, f"no pipeline has the id {id}")
    return [stage.name for stage in DEFAULT_STAGES]


async def _default_pipeline(work: UnitOfWork) -> LockedPipeline:
    """Return the default pipeline, and create it for a tenant without pipelines.

    If a concurrent transaction creates it as well, the unique constraint fails and the retry finds it.
    """
    pipeline = await work.find(tables.Pipeline, is_default=True)
    if pipeline is not None:
        return await lock_pipeline(work, pipeline.id)
    pipeline = await work.insert(tables.Pipeline(name="Sales", is_default=True))
    stages = [
        await work.insert(
            tables.Stage(
                id=uuid7(),
                pipeline_id=pipeline.id,
                position=position,
                name=stage.name,
                kind=stage.kind,
                probability=stage.probability,
                stalled_after_days=stage.stalled_after_days,
            )
        )
        for position, stage in enumerate(DEFAULT_STAGES)
    ]
    work.publish(PipelineChanged.of(work, pipeline, stages))
    return LockedPipeline(pipeline, stages)


_LOCK_STAGES = Query(
    tables.Stage, "select * from stage where pipeline_id = :pipeline_id order by position, id for key share"
)
