"""The operations on pipelines."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import (
    NOT_ONE_OF,
    Command,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Query,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    json,
    paginate,
)
from services.customers.sales import tables
from services.customers.sales.pipelines.events import PipelineNameTaken, StageInUse
from services.customers.sales.pipelines.schemas import DiscountLimitCreate, Pipeline, PipelineCreate, PipelineUpdate
from services.customers.sales.pipelines.stages import insert_stages, replace_stages
from services.customers.sales.queries.pipelines import PipelineChanged

feature = Feature("pipelines")


@feature.post("/pipelines", scope="customers:configure", status_code=201, raises=[PipelineNameTaken])
async def create_pipeline(work: Work, body: PipelineCreate) -> Pipeline:
    """Create a pipeline with its stages. The first pipeline of a tenant is the default one."""
    if work.is_retry:  # a unique constraint has found the name, or another first pipeline
        await _reject_taken_name(work, body.name)
    columns = {"name": body.name, **_settings(body)}
    is_default = not await work.select(_ANY_PIPELINE)
    pipeline = await work.insert(tables.Pipeline(**columns, is_default=is_default))
    stages = await insert_stages(work, pipeline.id, body.stages)
    work.publish(PipelineChanged.of(work, pipeline, stages))
    return Pipeline.of(pipeline, stages)


@feature.get("/pipelines", scope="customers:read")
async def list_pipelines(work: Work, params: PageParams) -> Page[Pipeline]:
    """List pipelines with their stages, oldest first."""
    stages: dict[UUID, list[tables.Stage]] = {}
    for stage in await work.select(_ALL_STAGES):
        stages.setdefault(stage.pipeline_id, []).append(stage)
    return await paginate(work, params, tables.Pipeline, lambda row: Pipeline.of(row, stages.get(row.id, [])))


@feature.get("/pipelines/{id:uuid}", scope="customers:read")
async def read_pipeline(work: Work, id: UUID) -> Pipeline:
    """Return a pipeline with its stages."""
    return Pipeline.of(await work.get(tables.Pipeline, id), await _stages_of(work, id))


@feature.patch(
    "/pipelines/{id:uuid}", scope="customers:configure", raises=[PipelineNameTaken, StageInUse, VersionMismatch]
)
async def update_pipeline(work: Work, id: UUID, body: PipelineUpdate, if_match: IfMatch) -> Pipeline:
    """Change the fields that are named. `stages` replaces all, and keeps those that it names by their id."""
    before = await work.get(tables.Pipeline, id, for_update=True)
    work.check_version(before, if_match)
    changes = _changes(before, body)
    if "name" in changes:
        await _reject_taken_name(work, changes["name"])
    if body.is_default is False and before.is_default:
        raise ValidationFailed.field("/is_default", NOT_ONE_OF, "make another pipeline the default one instead")
    if body.is_default and not before.is_default:
        await work.execute(_UNSET_DEFAULT, id=id, now=work.now)
        changes["is_default"] = True
    if body.stages is None:
        stages, stages_changed = await _stages_of(work, id), False
    else:
        stages, stages_changed = await replace_stages(work, id, body.stages)
    if not changes and not stages_changed:
        return Pipeline.of(before, stages)
    pipeline = await (work.update(before, **changes) if changes else _next_version(work, before))
    work.publish(PipelineChanged.of(work, pipeline, stages))
    return Pipeline.of(pipeline, stages)


async def _next_version(work: UnitOfWork, before: tables.Pipeline) -> tables.Pipeline:
    """Raise the version of a pipeline of which only stages have changed."""
    pipeline = before.replace(version=before.version + 1, updated_at=work.now)
    await work.execute(_SET_VERSION, id=pipeline.id, version=pipeline.version, now=work.now)
    return pipeline


def _changes(before: tables.Pipeline, body: PipelineUpdate) -> dict[str, Any]:
    """Return the columns that a patch changes."""
    values = {name: value for name, value in _settings(body).items() if name in body.model_fields_set}
    if body.name is not None:
        values["name"] = body.name
    return {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}


def _settings(body: PipelineCreate | PipelineUpdate) -> dict[str, Any]:
    """Return the settings of a body as they are stored."""
    return {
        "allows_skipping": True if body.allows_skipping is None else body.allows_skipping,
        "lost_reasons": list(dict.fromkeys(body.lost_reasons or [])),
        "discount_percent": None if body.discount_percent is None else format(body.discount_percent, "f"),
        "discount_limits": _limits(body.discount_limits or []),
    }


def _limits(limits: Sequence[DiscountLimitCreate]) -> list[dict[str, str]]:
    """Return limits as they are stored. The last one of an actor counts."""
    by_actor = {limit.actor: format(limit.percent, "f") for limit in limits}
    return [{"actor": actor, "percent": percent} for actor, percent in by_actor.items()]


async def _stages_of(work: UnitOfWork, id: UUID) -> list[tables.Stage]:
    return await work.find_all(tables.Stage, pipeline_id=id, order_by="position, id")


async def _reject_taken_name(work: UnitOfWork, name: str) -> None:
    holder = await work.find(tables.Pipeline, name=name)
    if holder is not None:
        raise PipelineNameTaken(f"Another pipeline is called {name}.", pipeline_id=str(holder.id), pointer="/name")


_ANY_PIPELINE = Query(UUID, "select id from pipeline limit 1")
_ALL_STAGES = Query(tables.Stage, "select * from stage order by pipeline_id, position, id")
_SET_VERSION = Command("update pipeline set version = :version, updated_at = :now where id = :id")
_UNSET_DEFAULT = Command(
    """
    update pipeline set is_default = false, version = version + 1, updated_at = :now
    where is_default and id <> :id
    """
)
