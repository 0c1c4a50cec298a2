"""Deals: the fields of their events, and how they are created, which a lead's conversion does too."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from pydantic_core import PydanticCustomError

from chassis import (
    REQUIRED,
    Event,
    FieldError,
    Money,
    Problem,
    UnitOfWork,
    ValidationFailed,
    code_of,
    minor_from_text,
)
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.sales import tables
from services.customers.sales.queries.pipelines import LockedPipeline
from services.customers.sales.rules import pipelines


class DealEvent(Event):
    """The fields of every event about a deal. None contains a text about the customer."""

    deal_id: UUID
    """The deal."""
    customer_id: UUID
    """The customer."""
    pipeline_id: UUID
    """The pipeline."""
    stage_id: UUID
    """The stage of the deal after the fact."""
    version: Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]
    amount: Money | None
    """The amount, or null if it is not known."""
    expected_close_on: date | None
    """The day on which it is expected to be won, or null."""
    owner_id: Annotated[str | None, Field(examples=["user:sales/ada"])]
    """The salesperson, or null."""


class DealCreated(DealEvent, type="customers.deal_created.v1", partition_key="customer_id"):
    """A deal was created."""

    created_at: datetime
    """When it was created."""


class StageFieldsMissing(Problem, status=409):
    """The deal lacks fields that its stage requires.

    `errors` names each of them by its pointer into the deal. Set them with PATCH, the lines with PUT, and repeat.
    """


class ClosingStage(Problem, status=409):
    """A deal is not moved to a stage that closes it.

    Win or lose the deal instead: `POST /v1/deals/{id}/win` or `/lose`.
    """


class DealClosed(Problem, status=409):
    """The deal is won or lost.

    Reopen it first: `POST /v1/deals/{id}/reopen`.
    """


class DiscountNotApproved(Problem, status=409):
    """The deal's discount is above what its author may grant, and is not approved.

    Request an approval with `POST /v1/deals/{id}/discount-approvals`, or lower the discount.
    """


async def create_deal(
    work: UnitOfWork, locked: LockedPipeline, stage_id: UUID | None, values: Mapping[str, Any]
) -> tables.Deal:
    """Create an open deal, by default in the first open stage. `values` are the columns of its body.

    Raises StageFieldsMissing, ClosingStage, and ValidationFailed for an amount or a stage that does not exist.
    """
    stage = locked.first("open") if stage_id is None else locked.stage(stage_id)
    if stage.kind != "open":
        raise ClosingStage(f"{stage.name} is a stage of {stage.kind} deals.")
    columns = {**values, **amount_columns(values, work.tenant.currency)}
    deal = tables.Deal(
        **{name: columns[name] for name in _BODY_COLUMNS if columns.get(name) is not None},
        **stall_columns(stage, "open", work.now),
        pipeline_id=locked.pipeline.id,
        stage_id=stage.id,
        stage_entered_at=work.now,
    )
    require_fields(deal, stage)
    await check_custom_fields(work, deal, None)
    deal = await work.insert(deal.replace(**order_columns(deal)))
    await work.insert(stage_change_of(work, deal, "created", None, stage))
    work.publish(DealCreated.from_row(deal, deal_id=deal.id, amount=amount_of(deal)))
    return deal


_BODY_COLUMNS = (
    "customer_id",
    "name",
    "owner_id",
    "currency",
    "amount_minor",
    "expected_close_on",
    "competitor",
    "source",
    "custom",
)


def amount_columns(values: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return the currency and the amount in its minor units. Raises ValidationFailed for one with more decimals."""
    currency, amount = values.get("currency") or currency, values.get("amount")
    try:
        minor = None if amount is None else minor_from_text(amount, currency)
    except PydanticCustomError as error:
        raise ValidationFailed.field("/amount", code_of(error), str(error)) from None
    return {"currency": currency, "amount_minor": minor}


def amount_of(deal: tables.Deal) -> Money | None:
    """Return the amount of a deal, or None if it is not known."""
    return None if deal.amount_minor is None else Money.of(deal.amount_minor, deal.currency)


async def check_custom_fields(work: UnitOfWork, deal: tables.Deal, before: Mapping[str, Any] | None) -> None:
    """Check the custom fields of a deal that is about to be written. Raises ValidationFailed or CustomValueTaken."""
    custom_fields = await CustomFields.load(work, "deal", [deal.custom])
    custom_fields.check(deal.id, before, deal.custom)
    await custom_fields.confirm(work)


async def change_deal(work: UnitOfWork, before: tables.Deal, stage: tables.Stage, **changes: Any) -> tables.Deal:
    """Change columns of a locked deal that is then in a stage, and what follows from them."""
    after = before.replace(**changes)
    return await work.update(before, **changes, **order_columns(after), **stall_columns(stage, after.state, work.now))


def order_columns(deal: tables.Deal) -> dict[str, Any]:
    """Return the columns by which deals are sorted."""
    amount = -1 if deal.amount_minor is None else deal.amount_minor
    return {"close_order": deal.expected_close_on or tables.NO_DATE, "amount_order": amount}


def stall_columns(stage: tables.Stage, state: str, now: datetime) -> dict[str, Any]:
    """Return the columns that every change of a deal sets: it stalls unless it changes again in time."""
    stalls_at = pipelines.stalls_at(now, stage.stalled_after_days) if state == "open" else None
    return {"stalls_at": stalls_at, "stall_announced": None}


def require_fields(deal: tables.Deal, stage: tables.Stage) -> None:
    """Raise StageFieldsMissing if a deal lacks fields that a stage requires."""
    _reject_missing(_missing(deal, stage), stage)


def keep_required_fields(before: tables.Deal, after: tables.Deal, stage: tables.Stage) -> None:
    """Raise StageFieldsMissing if a change takes a field from an open deal that its stage requires."""
    if after.state == "open":
        known = _missing(before, stage)
        _reject_missing([pointer for pointer in _missing(after, stage) if pointer not in known], stage)


def _missing(deal: tables.Deal, stage: tables.Stage) -> list[str]:
    values = {name: getattr(deal, name) for name in pipelines.REQUIRABLE_COLUMNS}
    return pipelines.missing_fields({**values, "amount": deal.amount_minor}, stage.required_fields)


def _reject_missing(missing: list[str], stage: tables.Stage) -> None:
    if missing:
        detail = f"required by the stage {stage.name}"
        errors = [FieldError(location="body", pointer=pointer, code=REQUIRED, detail=detail) for pointer in missing]
        raise StageFieldsMissing(errors=errors, stage_id=str(stage.id))


def seconds_between(start: datetime, end: datetime) -> int:
    """Return the whole seconds between two times. A sandbox clock may have been set back: then zero."""
    return max(0, int((end - start).total_seconds()))


def stage_change_of(
    work: UnitOfWork,
    deal: tables.Deal,
    kind: pipelines.StageChangeKind,
    previous: tables.Stage | None,
    stage: tables.Stage,
    *,
    entered_at: datetime | None = None,
    reason: str | None = None,
) -> tables.DealStageChange:
    """Return an entry of the history of a deal's stages. `entered_at` is when the deal entered its previous stage."""
    return tables.DealStageChange(
        deal_id=deal.id,
        kind=kind,
        from_stage_id=None if previous is None else previous.id,
        from_stage_name=None if previous is None else previous.name,
        to_stage_id=stage.id,
        to_stage_name=stage.name,
        reason=reason,
        seconds_in_previous=None if entered_at is None else seconds_between(entered_at, work.now),
        actor=work.actor,
        changed_at=work.now,
    )
