"""Changes of a pipeline's stages. A stage with deals is neither removed nor changed to another kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis import UNKNOWN_RECORD, Command, Query, UnitOfWork, ValidationFailed, json, uuid7
from services.customers.sales import tables
from services.customers.sales.pipelines.events import StageInUse
from services.customers.sales.pipelines.schemas import StageCreate


@dataclass(frozen=True, slots=True)
class UsedStage:
    """A stage with deals, and how many there are."""

    id: UUID
    name: str
    deals: int


async def insert_stages(work: UnitOfWork, pipeline_id: UUID, bodies: Sequence[StageCreate]) -> list[tables.Stage]:
    """Insert the stages of a new pipeline. Raises ValidationFailed for one that names an existing stage."""
    for index, body in enumerate(bodies):
        if body.id is not None:
            raise _unknown_stage(index, body.id)
    return [await work.insert(_new_stage(pipeline_id, number, body)) for number, body in enumerate(bodies)]


async def replace_stages(
    work: UnitOfWork, pipeline_id: UUID, bodies: Sequence[StageCreate]
) -> tuple[list[tables.Stage], bool]:
    """Bring the stages of a locked pipeline in line with a list. Returns them, and whether any has changed.

    The lock of the stages waits for transactions that are moving deals to them. Raises StageInUse.
    """
    existing = {stage.id: stage for stage in await work.fetch(_LOCK_STAGES, pipeline_id=pipeline_id)}
    for index, body in enumerate(bodies):
        if body.id is not None and body.id not in existing:
            raise _unknown_stage(index, body.id)
    kept = {body.id: body for body in bodies if body.id is not None}
    removed = [id for id in existing if id not in kept]
    await _reject_used(work, [id for id in existing if id not in kept or kept[id].kind != existing[id].kind])
    await work.execute(_DELETE_STAGES, ids=removed)
    stages, changed = [], bool(removed)
    for position, body in enumerate(bodies):
        before = existing.get(body.id) if body.id is not None else None
        after = await _store(work, pipeline_id, position, body, before)
        changed = changed or after is not before
        stages.append(after)
    return stages, changed


async def _store(
    work: UnitOfWork, pipeline_id: UUID, position: int, body: StageCreate, before: tables.Stage | None
) -> tables.Stage:
    if before is None:
        return await work.insert(_new_stage(pipeline_id, position, body))
    values = _columns(position, body)
    if all(json.json_equal(getattr(before, name), value) for name, value in values.items()):
        return before
    stage = await work.update(before, **values)
    if stage.stalled_after_days != before.stalled_after_days:
        await work.execute(_SET_STALLS, stage_id=stage.id, days=stage.stalled_after_days)
    return stage


def _new_stage(pipeline_id: UUID, position: int, body: StageCreate) -> tables.Stage:
    return tables.Stage(id=uuid7(), pipeline_id=pipeline_id, **_columns(position, body))


def _columns(position: int, body: StageCreate) -> dict[str, Any]:
    """Return a stage as it is stored. A won deal is certain, and a lost one has no chance."""
    certain = {"won": Decimal(1), "lost": Decimal(0)}
    probability = certain.get(body.kind, body.probability or Decimal(0))
    return {
        "position": position,
        "name": body.name,
        "kind": body.kind,
        "probability": format(probability.normalize(), "f"),
        "required_fields": body.required_fields or [],
        "stalled_after_days": body.stalled_after_days,
    }


async def _reject_used(work: UnitOfWork, ids: Sequence[UUID]) -> None:
    used = await work.fetch(_USED_STAGES, ids=ids)
    if used:
        shown = [{"id": str(stage.id), "name": stage.name, "deals": stage.deals} for stage in used]
        names = ", ".join(stage.name for stage in used)
        raise StageInUse(f"There are deals in {names}.", stages=shown)


def _unknown_stage(index: int, id: UUID) -> ValidationFailed:
    return ValidationFailed.field(f"/stages/{index}/id", UNKNOWN_RECORD, f"the pipeline has no stage with the id {id}")


_LOCK_STAGES = Query(
    tables.Stage, "select * from stage where pipeline_id = :pipeline_id order by position, id for update"
)
_USED_STAGES = Query(
    UsedStage,
    """
    select stage.id, stage.name, count(*) as deals from stage join deal on deal.stage_id = stage.id
    where stage.id = any(:ids) group by stage.id, stage.name, stage.position order by stage.position
    """,
)
_DELETE_STAGES = Command("delete from stage where id = any(:ids)")
_SET_STALLS = Command(
    """
    update deal set stalls_at = updated_at + make_interval(days => :days::integer), stall_announced = null
    where stage_id = :stage_id and state = 'open'
    """
)
