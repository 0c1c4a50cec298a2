"""Upserts of deals: many at once, each found by its id in another system, as if applied in sequence.

A deal that is closed in the other system is opened in its pipeline's first stage and closed from there, because its
earlier stages are not known. One that exists stays in its pipeline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    FieldCode,
    Outcome,
    Problem,
    Query,
    UnitOfWork,
    ValidationFailed,
    json,
    reject_too_large,
)
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.people.rules.records import ExternalKey
from services.customers.sales import tables
from services.customers.sales.deals.events import AmountFromLines
from services.customers.sales.deals.schemas import DealUpdate
from services.customers.sales.deals.transitions import Draft, change_fields, move, new_draft, store_deals
from services.customers.sales.queries.deals import DiscountNotApproved, amount_columns, require_fields
from services.customers.sales.queries.pipelines import LockedPipeline, lock_pipeline, named_pipeline
from services.customers.sales.rules.pipelines import DealState

OTHER_CUSTOMER = FieldCode(
    "other_customer", "The deal is with another customer.", "A deal keeps its customer. Create another deal."
)
STAGE_CONTRADICTS = FieldCode(
    "stage_contradicts",
    "The stage is not one of deals in this state.",
    "Name a stage of won or lost deals for a deal that is closed, and an open stage for any other.",
)
UpsertStatus = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class DealItem:
    """A deal as another system has it."""

    key: ExternalKey
    """Its id in that system."""
    customer: ExternalKey
    """The customer's id."""
    stage: str | None
    """The name of its stage, or None if it is not stated."""
    state: DealState | None
    """Whether it is open, won or lost, or None if its stage says it."""
    fields: DealUpdate
    """The other fields. Absent ones stay as they are."""


@dataclass(frozen=True, slots=True)
class AppliedDeal:
    """A change of a deal, from which it can be undone."""

    deal_id: UUID
    customer_id: UUID
    is_new: bool
    version: int
    before: dict[str, Any]
    """The former values of the columns that changed."""


@dataclass(slots=True)
class _Known:
    """That which the items name."""

    customers: Mapping[ExternalKey, UUID]
    pipelines: Mapping[UUID, LockedPipeline]
    default: LockedPipeline
    """The pipeline of new deals."""
    custom_fields: CustomFields
    drafts: dict[ExternalKey, Draft] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _NamedCustomer:
    source: str
    external_id: str
    customer_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class _NamedDeal:
    source: str
    external_id: str
    deal_id: UUID
    pipeline_id: UUID


async def upsert_deals(
    work: UnitOfWork,
    items: Sequence[tuple[int, DealItem]],
    pipeline_id: UUID | None,
    applied: dict[int, AppliedDeal],
) -> dict[int, Outcome]:
    """Create or change a deal for each item. Returns the outcomes by index. `applied` receives the changes."""
    if not items:
        return {}
    known = await _load(work, [item for _, item in items], pipeline_id)
    changed: dict[UUID, Draft] = {}
    outcomes: dict[int, Outcome] = {}
    for index, item in items:
        before = known.drafts[item.key].deal if item.key in known.drafts else None
        try:
            draft = _create(work, known, item) if before is None else _change(work, known, item)
        except Problem as problem:
            outcomes[index] = problem
            continue
        outcomes[index] = (_status(before, draft.deal), draft.deal.id)
        if draft.deal is not before:
            changed[draft.deal.id] = draft
            applied[index] = _applied(before, draft.deal)
    await store_deals(work, list(changed.values()))
    await known.custom_fields.confirm(work)
    return outcomes


def _status(before: tables.Deal | None, deal: tables.Deal) -> UpsertStatus:
    if before is None:
        return "created"
    return "unchanged" if deal is before else "updated"


def _applied(before: tables.Deal | None, deal: tables.Deal) -> AppliedDeal:
    values = {} if before is None else {name: getattr(before, name) for name in _changed(before, deal)}
    return AppliedDeal(deal.id, deal.customer_id, before is None, deal.version, values)


def _changed(before: tables.Deal, after: tables.Deal) -> list[str]:
    """Return the columns that changed, except those that follow from others."""
    names = tables.Deal.model_fields.keys() - tables.Deal.computed - {"version", "updated_at"}
    return sorted(name for name in names if not json.json_equal(getattr(before, name), getattr(after, name)))


async def _load(work: UnitOfWork, items: Sequence[DealItem], pipeline_id: UUID | None) -> _Known:
    """Return the customers, the pipelines and the deals that items name, locked in the order of other requests."""
    rows = await work.fetch(_LOCK_CUSTOMERS, **_columns({item.customer for item in items}))
    customers = {(row.source, row.external_id): row.customer_id for row in rows if row.state not in _GONE}
    named = await work.fetch(_NAMED_DEALS, **_columns({item.key for item in items}))
    default = await named_pipeline(work, pipeline_id)
    pipelines = {id: await lock_pipeline(work, id) for id in sorted({row.pipeline_id for row in named})}
    deals = {deal.id: deal for deal in await work.fetch(LOCK_DEALS, ids=[row.deal_id for row in named])}
    found = [row for row in named if row.deal_id in deals]
    drafts = {(row.source, row.external_id): Draft(deals[row.deal_id], is_new=False) for row in found}
    custom_fields = await CustomFields.load(work, "deal", [item.fields.custom for item in items])
    return _Known(customers, pipelines | {default.pipeline.id: default}, default, custom_fields, drafts)


def _columns(keys: set[ExternalKey]) -> dict[str, list[str]]:
    ordered = sorted(keys)
    return {"sources": [source for source, _ in ordered], "ids": [id for _, id in ordered]}


def _customer(known: _Known, item: DealItem) -> UUID:
    if item.customer not in known.customers:
        source, id = item.customer
        raise ValidationFailed.field("/customer_id", UNKNOWN_RECORD, f"no customer has the id {id} of {source}")
    return known.customers[item.customer]


def _create(work: UnitOfWork, known: _Known, item: DealItem) -> Draft:
    customer_id, locked = _customer(known, item), known.default
    values = {name: value for name, value in item.fields.changes().items() if value is not None}
    if "name" not in values:
        raise ValidationFailed.field("/name", REQUIRED, "a name is expected")
    target = _target(locked, item, None)
    amount = amount_columns({name: values.pop(name, None) for name in ("amount", "currency")}, work.tenant.currency)
    source, id = item.key
    deal = tables.Deal(
        **values,
        **amount,
        customer_id=customer_id,
        external_ids=[{"source": source, "id": id}],
        pipeline_id=locked.pipeline.id,
        stage_id=target.id,
        stage_entered_at=work.now,
        created_at=work.now,
        updated_at=work.now,
        version=1,
    )
    _check(known, deal, None, target)
    known.drafts[item.key] = draft = new_draft(work, deal, target if target.kind == "open" else locked.first("open"))
    move(work, draft, locked, target, closed_at=_closed_at(work, deal.expected_close_on))
    return draft


def _change(work: UnitOfWork, known: _Known, item: DealItem) -> Draft:
    draft = known.drafts[item.key]
    before = draft.deal
    locked = known.pipelines[before.pipeline_id]
    if _customer(known, item) != before.customer_id:
        raise ValidationFailed.field("/customer_id", OTHER_CUSTOMER, "the deal is with another customer")
    target = _target(locked, item, locked.stage(before.stage_id))
    changes = _changes(work, before, item.fields)
    closes = target.kind != "open" and target.id != before.stage_id
    if closes and target.kind == "won" and before.discount_state not in ("within_limit", "approved"):
        raise DiscountNotApproved(f"The discount is {before.discount_percent} %.")
    after = before.replace(**changes)
    _check(known, after, before, target)
    change_fields(work, draft, locked.stage(before.stage_id), changes)
    move(work, draft, locked, target, closed_at=_closed_at(work, after.expected_close_on))
    return draft


def _changes(work: UnitOfWork, before: tables.Deal, fields: DealUpdate) -> dict[str, Any]:
    """Return the columns that an item changes. Raises AmountFromLines, and ValidationFailed for a wrong amount."""
    values = {name: value for name, value in fields.changes().items() if value is not None}
    if "custom" in values:
        values["custom"] = before.custom | values["custom"]
    currency = values.pop("currency", before.currency)  # without an amount, it would change that which is stored
    if "amount" in values:
        values |= amount_columns({"amount": values.pop("amount"), "currency": currency}, currency)
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if before.lines and {"amount_minor", "currency"} & changes.keys():
        raise AmountFromLines
    if before.state != "open" and "expected_close_on" in changes:
        changes["closed_at"] = _closed_at(work, changes["expected_close_on"])
    return changes


def _closed_at(work: UnitOfWork, closed_on: date | None) -> datetime:
    """Return when a deal was closed: at the start of the day that is stated, but not in the future."""
    if closed_on is None:
        return work.now
    return min(datetime.combine(closed_on, time.min, work.tenant.zone).astimezone(UTC), work.now)


def _target(locked: LockedPipeline, item: DealItem, current: tables.Stage | None) -> tables.Stage:
    """Return the stage that an item names. Raises ValidationFailed."""
    if item.stage is None and item.state in (None, "open"):
        stays = current is not None and item.state in (None, current.kind)
        return current if current is not None and stays else locked.first("open")
    name = (item.stage or "").casefold()
    named = next((stage for stage in locked.stages if stage.name.casefold() == name), None)
    if named is None and item.state in ("won", "lost"):
        return current if current is not None and current.kind == item.state else locked.first(item.state)
    if named is None:
        names = ", ".join(stage.name for stage in locked.stages)
        raise ValidationFailed.field(
            "/stage", UNKNOWN_RECORD, f"no stage is called {item.stage}: the pipeline has {names}"
        )
    if item.state is not None and named.kind != item.state:
        text = f"the deal is {item.state}, and {named.name} is a stage of {named.kind} deals"
        raise ValidationFailed.field("/stage", STAGE_CONTRADICTS, text)
    return named


def _check(known: _Known, deal: tables.Deal, before: tables.Deal | None, target: tables.Stage) -> None:
    """Raise a problem if the deal must not be stored as it is, or not enter its stage."""
    if target.kind != "lost" and (before is None or before.stage_id != target.id):
        require_fields(deal, target)
    reject_too_large(deal, before)
    known.custom_fields.check(deal.id, None if before is None else before.custom, deal.custom)


_GONE = ("merged", "erased")
_LOCK_CUSTOMERS = Query(
    _NamedCustomer,
    """
    select named.source, named.external_id, customer.id as customer_id, customer.state from external_id
    join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    join customer on customer.id = external_id.customer_id
    order by customer.id for no key update of customer
    """,
)
_NAMED_DEALS = Query(
    _NamedDeal,
    """
    select named.source, named.external_id, deal.id as deal_id, deal.pipeline_id from deal_external_id
    join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    join deal on deal.id = deal_external_id.deal_id
    """,
)
LOCK_DEALS = Query(tables.Deal, "select * from deal where id = any(:ids) order by id for no key update")
