"""The reverse of an upsert of deals: they get former values back, or are removed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis import Command, Problem, UnitOfWork, json
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.people.queries.history import clear_history
from services.customers.sales import tables
from services.customers.sales.deals.events import DealRemoved
from services.customers.sales.deals.transitions import Draft, change_fields, move, store_deals
from services.customers.sales.queries.deals import amount_of
from services.customers.sales.queries.pipelines import LockedPipeline

_OF_STAGE = ("stage_id", "state", "stage_entered_at", "closed_at", "lost_reason", "lost_note")
"""The columns that a move changes."""


async def restore_deals(
    work: UnitOfWork,
    pipelines: dict[UUID, LockedPipeline],
    restored: Sequence[tuple[tables.Deal, dict[str, Any]]],
) -> set[UUID]:
    """Set columns of locked deals to former values. Returns the deals that may not have them any more."""
    custom_fields = await CustomFields.load(work, "deal", [values.get("custom") for _, values in restored])
    drafts, refused = [], set()
    for deal, values in restored:
        draft = Draft(deal, is_new=False)
        try:
            _restore(work, custom_fields, pipelines[deal.pipeline_id], draft, values)
        except Problem:  # a custom field has been defined since, or the stage removed
            refused.add(deal.id)
            continue
        drafts.append(draft)
    await store_deals(work, drafts)
    await custom_fields.confirm(work)
    return refused


def _restore(
    work: UnitOfWork,
    custom_fields: CustomFields,
    locked: LockedPipeline,
    draft: Draft,
    values: dict[str, Any],
) -> None:
    before = draft.deal
    former = {name: _TYPES[name].validate_python(value) for name, value in values.items()}
    former = {name: value for name, value in former.items() if not json.json_equal(value, getattr(before, name))}
    target = locked.stage(former.get("stage_id", before.stage_id))
    moved = {name: former.pop(name) for name in _OF_STAGE if target.id != before.stage_id and name in former}
    custom_fields.check(before.id, before.custom, former.get("custom", before.custom))
    change_fields(work, draft, locked.stage(before.stage_id), former)
    reason, closed_at = moved.get("lost_reason"), moved.get("closed_at", before.closed_at)
    move(work, draft, locked, target, closed_at=closed_at, reason=reason)
    draft.deal = draft.deal.replace(**moved)


async def remove_deals(work: UnitOfWork, deals: Sequence[tables.Deal]) -> None:
    """Delete locked deals, with their stages and the values in their history."""
    for deal in deals:
        work.audit("deleted", tables.Deal, deal.id, {})
        work.publish(DealRemoved.from_row(deal, deal_id=deal.id, amount=amount_of(deal), removed_at=work.now))
    ids = [deal.id for deal in deals]
    await work.execute(_DELETE_CUSTOM_VALUES, ids=ids)
    await work.execute(_DELETE_DEALS, ids=ids)
    await clear_history(work, tables.Deal, ids)


_TYPES: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(field.annotation) for name, field in tables.Deal.model_fields.items() if field.annotation
}
_DELETE_CUSTOM_VALUES = Command("delete from custom_field_value where record_id = any(:ids)")
_DELETE_DEALS = Command("delete from deal where id = any(:ids)")
