"""Moves of a deal between the stages of its pipeline, and the end of a deal: won, lost, reopened."""

from uuid import UUID

from chassis import (
    NOT_ONE_OF,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Query,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    equals,
    paginate,
)
from services.customers.sales import tables
from services.customers.sales.deals.events import (
    DealLost,
    DealOpen,
    DealReopened,
    DealStageChanged,
    DealWon,
    SameStage,
    StageSkipped,
)
from services.customers.sales.deals.schemas import (
    Deal,
    DealLoseRequest,
    DealReopenRequest,
    StageChange,
    StageChangeCreate,
)
from services.customers.sales.queries.deals import (
    ClosingStage,
    DealClosed,
    DiscountNotApproved,
    StageFieldsMissing,
    amount_of,
    change_deal,
    require_fields,
    seconds_between,
    stage_change_of,
)
from services.customers.sales.queries.pipelines import LockedPipeline, lock_pipeline
from services.customers.sales.rules.pipelines import LOST_REASONS, StageChangeKind, skips_stages

feature = Feature("deals")


@feature.post(
    "/deals/{id:uuid}/stage-changes",
    scope="customers:write",
    raises=[ClosingStage, DealClosed, SameStage, StageFieldsMissing, StageSkipped, VersionMismatch],
)
async def change_deal_stage(work: Work, id: UUID, body: StageChangeCreate, if_match: IfMatch) -> Deal:
    """Move a deal to another open stage of its pipeline."""
    before, locked = await _lock_open_deal(work, id, if_match)
    current, target = locked.stage(before.stage_id), locked.stage(body.stage_id)
    if target.id == current.id:
        raise SameStage(f"The deal is in {current.name} already.")
    if target.kind != "open":
        raise ClosingStage(f"{target.name} is a stage of {target.kind} deals.")
    _check_entry(before, locked, current, target)
    deal = await change_deal(work, before, target, stage_id=target.id, stage_entered_at=work.now)
    await work.insert(stage_change_of(work, deal, "moved", current, target, entered_at=before.stage_entered_at))
    seconds = seconds_between(before.stage_entered_at, work.now)
    work.publish(
        DealStageChanged.from_row(
            deal,
            deal_id=id,
            amount=amount_of(deal),
            previous_stage_id=current.id,
            seconds_in_previous_stage=seconds,
            changed_at=work.now,
        )
    )
    return Deal.of(deal, work.now)


@feature.get("/deals/{id:uuid}/stage-changes", scope="customers:read")
async def list_deal_stage_changes(work: Work, id: UUID, params: PageParams) -> Page[StageChange]:
    """List the history of a deal's stages, oldest first."""
    await work.get(tables.Deal, id)
    return await paginate(work, params, tables.DealStageChange, StageChange, where=equals(deal_id=id))


@feature.post(
    "/deals/{id:uuid}/win",
    scope="customers:write",
    raises=[DealClosed, DiscountNotApproved, StageFieldsMissing, StageSkipped, VersionMismatch],
)
async def win_deal(work: Work, id: UUID, if_match: IfMatch) -> Deal:
    """Close a deal as won. Its discount must be within its author's limit, or approved."""
    before, locked = await _lock_open_deal(work, id, if_match)
    if before.discount_state not in ("within_limit", "approved"):
        raise DiscountNotApproved(f"The discount is {before.discount_percent} %.")
    current, target = locked.stage(before.stage_id), locked.first("won")
    _check_entry(before, locked, current, target)
    deal = await _close(work, before, current, target)
    event = DealWon.from_row(deal, deal_id=id, amount=amount_of(deal), previous_stage_id=current.id)
    work.publish(event)
    return Deal.of(deal, work.now)


@feature.post("/deals/{id:uuid}/lose", scope="customers:write", raises=[DealClosed, VersionMismatch])
async def lose_deal(work: Work, id: UUID, body: DealLoseRequest, if_match: IfMatch) -> Deal:
    """Close a deal as lost, with the reason."""
    before, locked = await _lock_open_deal(work, id, if_match)
    reasons = [*LOST_REASONS, *locked.pipeline.lost_reasons]
    if body.reason not in reasons:
        raise ValidationFailed.field("/reason", NOT_ONE_OF, f"one of {', '.join(reasons)} is expected")
    current, target = locked.stage(before.stage_id), locked.first("lost")
    deal = await _close(work, before, current, target, reason=body.reason, note=body.note)
    event = DealLost.from_row(
        deal, deal_id=id, amount=amount_of(deal), previous_stage_id=current.id, reason=body.reason
    )
    work.publish(event)
    return Deal.of(deal, work.now)


@feature.post(
    "/deals/{id:uuid}/reopen",
    scope="customers:write",
    raises=[ClosingStage, DealOpen, StageFieldsMissing, VersionMismatch],
)
async def reopen_deal(work: Work, id: UUID, body: DealReopenRequest, if_match: IfMatch) -> Deal:
    """Reopen a deal that is won or lost, by default in the stage in which it was closed."""
    before, locked = await _lock_deal(work, id, if_match)
    if before.state == "open":
        raise DealOpen
    current, target = locked.stage(before.stage_id), await _stage_to_reopen(work, before, locked, body.stage_id)
    require_fields(before, target)
    changes = {"state": "open", "stage_id": target.id, "stage_entered_at": work.now, "closed_at": None}
    deal = await change_deal(work, before, target, **changes, lost_reason=None, lost_note=None)
    await work.insert(stage_change_of(work, deal, "reopened", current, target, entered_at=before.stage_entered_at))
    event = DealReopened.from_row(
        deal, deal_id=id, amount=amount_of(deal), previous_state=before.state, reopened_at=work.now
    )
    work.publish(event)
    return Deal.of(deal, work.now)


async def _lock_deal(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tuple[tables.Deal, LockedPipeline]:
    """Return a deal and its pipeline, locked. The stages are locked first, as by a change of the pipeline."""
    locked = await lock_pipeline(work, (await work.get(tables.Deal, id)).pipeline_id)
    deal = await work.get(tables.Deal, id, for_update=True)
    work.check_version(deal, if_match)
    return deal, locked


async def _lock_open_deal(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tuple[tables.Deal, LockedPipeline]:
    """Return an open deal and its pipeline, locked. Raises DealClosed."""
    deal, locked = await _lock_deal(work, id, if_match)
    if deal.state != "open":
        raise DealClosed(f"The deal is {deal.state}.")
    return deal, locked


def _check_entry(deal: tables.Deal, locked: LockedPipeline, current: tables.Stage, target: tables.Stage) -> None:
    """Raise StageSkipped or StageFieldsMissing unless a deal may enter a stage."""
    if not locked.pipeline.allows_skipping and skips_stages(locked.stages, current.id, target.id):
        raise StageSkipped(f"There are open stages between {current.name} and {target.name}.")
    require_fields(deal, target)


async def _close(
    work: UnitOfWork,
    before: tables.Deal,
    current: tables.Stage,
    target: tables.Stage,
    reason: str | None = None,
    note: str | None = None,
) -> tables.Deal:
    changes = {"state": target.kind, "stage_id": target.id, "stage_entered_at": work.now, "closed_at": work.now}
    deal = await change_deal(work, before, target, **changes, lost_reason=reason, lost_note=note)
    kind: StageChangeKind = "won" if target.kind == "won" else "lost"
    entered_at = before.stage_entered_at
    await work.insert(stage_change_of(work, deal, kind, current, target, entered_at=entered_at, reason=reason))
    return deal


async def _stage_to_reopen(
    work: UnitOfWork, deal: tables.Deal, locked: LockedPipeline, named: UUID | None
) -> tables.Stage:
    """Return the stage that is named, or that in which the deal was closed, or else the first open stage."""
    if named is not None:
        stage = locked.stage(named)
        if stage.kind != "open":
            raise ClosingStage(f"{stage.name} is a stage of {stage.kind} deals.")
        return stage
    closed_in = await work.fetch(_CLOSED_IN, deal_id=deal.id)
    known = [stage for stage in locked.stages if stage.id in closed_in and stage.kind == "open"]
    return known[0] if known else locked.first("open")


_CLOSED_IN = Query(
    UUID,
    """
    select from_stage_id from deal_stage_change
    where deal_id = :deal_id and kind in ('won', 'lost') order by id desc limit 1
    """,
)
