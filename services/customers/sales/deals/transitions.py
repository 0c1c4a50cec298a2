"""Changes of many deals in memory, with their events and the history of their stages, and their storage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis import UnitOfWork
from services.customers.sales import tables
from services.customers.sales.deals.events import DealLost, DealReopened, DealStageChanged, DealUpdated, DealWon
from services.customers.sales.queries.deals import (
    DealCreated,
    amount_of,
    order_columns,
    seconds_between,
    stage_change_of,
    stall_columns,
)
from services.customers.sales.queries.pipelines import LockedPipeline
from services.customers.sales.rules.pipelines import StageChangeKind

UNKNOWN_REASON = "unknown"
"""The reason of a lost deal for which none is stated."""


@dataclass(slots=True)
class Draft:
    """A deal while many are changed."""

    deal: tables.Deal
    is_new: bool
    history: list[tables.DealStageChange] = field(default_factory=list)


def new_draft(work: UnitOfWork, deal: tables.Deal, stage: tables.Stage) -> Draft:
    """Open a deal in a stage."""
    opened = deal.replace(stage_id=stage.id, **stall_columns(stage, "open", work.now), **order_columns(deal))
    values = {name: value for name in _AUDITED if (value := getattr(opened, name)) not in (None, [], {})}
    work.audit("created", tables.Deal, opened.id, {name: [None, value] for name, value in values.items()})
    work.publish(DealCreated.from_row(opened, deal_id=opened.id, amount=amount_of(opened)))
    return Draft(opened, is_new=True, history=[stage_change_of(work, opened, "created", None, stage)])


def change_fields(work: UnitOfWork, draft: Draft, stage: tables.Stage, changes: Mapping[str, Any]) -> None:
    """Set columns of a deal that stays in its stage."""
    if not changes:
        return
    deal = _replace(work, draft, stage, changes)
    changed = sorted({name.removesuffix("_minor") for name in changes})
    work.publish(DealUpdated.from_row(deal, deal_id=deal.id, amount=amount_of(deal), changed=changed))


def move(
    work: UnitOfWork,
    draft: Draft,
    locked: LockedPipeline,
    target: tables.Stage,
    *,
    closed_at: datetime | None,
    reason: str | None = None,
) -> None:
    """Bring a deal to a stage: reopen it if it is closed, and close it if the stage is one of closed deals."""
    if draft.deal.stage_id == target.id:
        return
    if draft.deal.state != "open":
        _reopen(work, draft, locked, target if target.kind == "open" else locked.first("open"))
    if draft.deal.stage_id == target.id:
        return
    if target.kind == "open":
        _enter_open_stage(work, draft, locked, target)
    else:
        _close(work, draft, locked, target, closed_at or work.now, reason or UNKNOWN_REASON)


def _reopen(work: UnitOfWork, draft: Draft, locked: LockedPipeline, target: tables.Stage) -> None:
    before = draft.deal
    deal = _enter(work, draft, locked, target, "reopened")
    amount = amount_of(deal)
    work.publish(
        DealReopened.from_row(deal, deal_id=deal.id, amount=amount, previous_state=before.state, reopened_at=work.now)
    )


def _enter_open_stage(work: UnitOfWork, draft: Draft, locked: LockedPipeline, target: tables.Stage) -> None:
    before = draft.deal
    deal = _enter(work, draft, locked, target, "moved")
    event = DealStageChanged.from_row(
        deal,
        deal_id=deal.id,
        amount=amount_of(deal),
        previous_stage_id=before.stage_id,
        seconds_in_previous_stage=seconds_between(before.stage_entered_at, work.now),
        changed_at=work.now,
    )
    work.publish(event)


def _close(
    work: UnitOfWork,
    draft: Draft,
    locked: LockedPipeline,
    target: tables.Stage,
    closed_at: datetime,
    reason: str,
) -> None:
    previous = draft.deal.stage_id
    if target.kind == "won":
        deal = _enter(work, draft, locked, target, "won", closed_at=closed_at)
        won = DealWon.from_row(deal, deal_id=deal.id, amount=amount_of(deal), previous_stage_id=previous)
        work.publish(won)
    else:
        deal = _enter(work, draft, locked, target, "lost", closed_at=closed_at, reason=reason)
        amount = amount_of(deal)
        work.publish(DealLost.from_row(deal, deal_id=deal.id, amount=amount, previous_stage_id=previous, reason=reason))


def _enter(
    work: UnitOfWork,
    draft: Draft,
    locked: LockedPipeline,
    target: tables.Stage,
    kind: StageChangeKind,
    *,
    closed_at: datetime | None = None,
    reason: str | None = None,
) -> tables.Deal:
    before, current = draft.deal, locked.stage(draft.deal.stage_id)
    changes = {
        "stage_id": target.id,
        "state": target.kind,
        "stage_entered_at": closed_at or work.now,
        "closed_at": closed_at,
        "lost_reason": reason,
        "lost_note": None,
    }
    deal = _replace(work, draft, target, changes)
    entered_at = None if draft.is_new else before.stage_entered_at
    draft.history.append(stage_change_of(work, deal, kind, current, target, entered_at=entered_at, reason=reason))
    return deal


def _replace(work: UnitOfWork, draft: Draft, stage: tables.Stage, changes: Mapping[str, Any]) -> tables.Deal:
    before = draft.deal
    after = before.replace(**changes, version=before.version + 1, updated_at=work.now)
    draft.deal = after.replace(**order_columns(after), **stall_columns(stage, after.state, work.now))
    audited = {name: [getattr(before, name), value] for name, value in changes.items()}
    work.audit("updated", tables.Deal, before.id, audited)
    return draft.deal


async def store_deals(work: UnitOfWork, drafts: Sequence[Draft]) -> None:
    """Write the drafts, by a few statements for all of them."""
    new = [draft.deal for draft in drafts if draft.is_new]
    changed = [draft.deal for draft in drafts if not draft.is_new]
    await work.insert_many(tables.Deal, [{name: getattr(deal, name) for name in _COLUMNS} for deal in new])
    await work.update_many(tables.Deal, [{name: getattr(deal, name) for name in _CHANGING} for deal in changed])
    # Two imports of the same ids must insert them in the same order, or they deadlock. The retry finds their deals.
    keys = [
        {"customer_id": deal.customer_id, "deal_id": deal.id, "source": each["source"], "external_id": each["id"]}
        for deal in new
        for each in deal.external_ids
    ]
    keys.sort(key=lambda key: (key["source"], key["external_id"]))
    await work.insert_many(tables.DealExternalId, keys)
    entries = [entry for draft in drafts for entry in draft.history]
    await work.insert_many(
        tables.DealStageChange, [{name: getattr(entry, name) for name in _ENTRY_COLUMNS} for entry in entries]
    )


_COLUMNS = tuple(name for name in tables.Deal.model_fields if name != "tenant_id")
_CHANGING = tuple(name for name in _COLUMNS if name not in ("customer_id", "pipeline_id", "created_at"))
_ENTRY_COLUMNS = tuple(name for name in tables.DealStageChange.model_fields if name != "tenant_id")
_AUDITED = tuple(name for name in _COLUMNS if name not in tables.Deal.computed and name != "id")
