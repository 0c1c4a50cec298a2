"""The operations that create, read, change and list deals."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    WRONG_FORMAT,
    Currency,
    Feature,
    Filter,
    IfMatch,
    Page,
    PageParams,
    RecordTooLarge,
    Reference,
    ShortLine,
    TimeRange,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    day_range,
    equals,
    json,
    merge_patch,
    of_person,
    paginate,
    text_from_minor,
    time_range,
)
from services.customers.customization.queries.custom_fields import CustomValueTaken
from services.customers.customization.queries.filters import (
    CUSTOM_PARAMETERS,
    CustomFieldIndexBuilding,
    shape_list,
    sort_by,
)
from services.customers.people.rules.records import possible_keys
from services.customers.sales import tables
from services.customers.sales.deals.events import AmountFromLines, DealUpdated
from services.customers.sales.deals.schemas import Deal, DealCreate, DealUpdate
from services.customers.sales.queries.deals import (
    ClosingStage,
    StageFieldsMissing,
    amount_columns,
    amount_of,
    change_deal,
    check_custom_fields,
    create_deal,
    keep_required_fields,
)
from services.customers.sales.queries.named import named_customer
from services.customers.sales.queries.pipelines import named_pipeline
from services.customers.sales.rules.pipelines import DealState

feature = Feature("deals")
Sort: Any = sort_by("created_at", "updated_at", "expected_close_on", "amount")
_SORT_COLUMNS = {"expected_close_on": "close_order", "amount": "amount_order"}


@feature.post(
    "/deals",
    scope="customers:write",
    status_code=201,
    raises=[ClosingStage, CustomValueTaken, RecordTooLarge, StageFieldsMissing],
)
async def open_deal(work: Work, body: DealCreate) -> Deal:
    """Create a deal, by default in the first stage of the default pipeline."""
    customer = await named_customer(work, body.customer_id)
    locked = await named_pipeline(work, body.pipeline_id)
    return Deal.of(
        await create_deal(work, locked, body.stage_id, body.values() | {"customer_id": customer.id}), work.now
    )


@feature.get("/deals", scope="customers:read", raises=[CustomFieldIndexBuilding])
async def list_deals(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    expected_close_on: Annotated[TimeRange, Depends(day_range("expected_close_on"))],
    custom: Annotated[list[tuple[str, str]], Depends(CUSTOM_PARAMETERS)],
    customer_id: Annotated[UUID | None, Parameter(description="Only deals with this customer.")] = None,
    pipeline_id: Annotated[UUID | None, Parameter(description="Only deals of this pipeline.")] = None,
    stage_id: Annotated[list[UUID] | None, Parameter(description="Any of these stages.")] = None,
    state: Annotated[list[DealState] | None, Parameter(description="Any of these states.")] = None,
    owner_id: Annotated[Reference | None, Parameter(description="Only deals of this salesperson.")] = None,
    source: Annotated[ShortLine | None, Parameter(description="Only deals of this origin.")] = None,
    currency: Annotated[Currency | None, Parameter(description="Only deals in this currency.")] = None,
    external_id: Annotated[Reference | None, Parameter(description="External id, as `source:id`.")] = None,
    stalled: Annotated[bool | None, Parameter(description="Only deals that have stalled, or that have not.")] = None,
    sort: Annotated[
        Sort,
        Parameter(description="Sort field, also `custom.<name>` of an indexed field; prefix with `-` for descending."),
    ] = "created_at",
) -> Page[Deal]:
    """List deals. Without a date or an amount, they are after all others that are sorted by it, ascending."""
    where = equals(
        pipeline_id=pipeline_id,
        stage_id=stage_id,
        state=state,
        owner_id=owner_id,
        source=source,
        currency=currency,
    )
    where += [
        *of_person(customer_id),
        *created_at.filters,
        *updated_at.filters,
        *expected_close_on.filters,
        *_with_external_id(external_id),
        *_stalled(work, stalled),
    ]
    shape = await shape_list(work, "deal", custom, sort)
    where += shape.filters
    field = sort.lstrip("-")
    column = sort.replace(field, _SORT_COLUMNS.get(field, field))
    shown = partial(Deal.of, now=work.now)
    return await paginate(work, params, tables.Deal, shown, sort=column, key=shape.key, where=where)


@feature.get("/deals/{id:uuid}", scope="customers:read")
async def read_deal(work: Work, id: UUID) -> Deal:
    """Return a deal."""
    return Deal.of(await work.get(tables.Deal, id), work.now)


@feature.patch(
    "/deals/{id:uuid}",
    scope="customers:write",
    raises=[AmountFromLines, CustomValueTaken, RecordTooLarge, StageFieldsMissing, VersionMismatch],
)
async def update_deal(work: Work, id: UUID, body: DealUpdate, if_match: IfMatch) -> Deal:
    """Change the fields that are named: null clears a field, `custom` is merged."""
    before = await work.get(tables.Deal, id, for_update=True)
    work.check_version(before, if_match)
    changes = _changes(before, body)
    if not changes:
        return Deal.of(before, work.now)
    stage = await work.get(tables.Stage, before.stage_id)
    after = before.replace(**changes)
    keep_required_fields(before, after, stage)
    if "custom" in changes:
        await check_custom_fields(work, after, before.custom)
    deal = await change_deal(work, before, stage, **changes)
    changed = sorted({name.removesuffix("_minor") for name in changes})
    work.publish(DealUpdated.from_row(deal, deal_id=id, amount=amount_of(deal), changed=changed))
    return Deal.of(deal, work.now)


def _changes(before: tables.Deal, body: DealUpdate) -> dict[str, Any]:
    """Return the columns that a patch changes. Raises AmountFromLines, and ValidationFailed for a wrong amount."""
    values = body.changes()
    if "custom" in values:
        values["custom"] = {} if body.custom is None else merge_patch(before.custom, body.custom)
    if {"amount", "currency"} & values.keys():
        amount = None if before.amount_minor is None else text_from_minor(before.amount_minor, before.currency)
        values |= amount_columns({"currency": before.currency, "amount": amount, **values}, before.currency)
        del values["amount"]
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if before.lines and {"amount_minor", "currency"} & changes.keys():
        raise AmountFromLines
    return changes


def _with_external_id(external_id: str | None) -> list[Filter]:
    if external_id is None:
        return []
    keys = possible_keys(external_id)
    if not keys:
        raise ValidationFailed.field("/external_id", WRONG_FORMAT, "must be written source:id", "query")
    return [condition(_BY_EXTERNAL_IDS, sources=[source for source, _ in keys], ids=[id for _, id in keys])]


def _stalled(work: UnitOfWork, stalled: bool | None) -> list[Filter]:
    if stalled is None:
        return []
    has_stalled = "state = 'open' and stalls_at is not null and stalls_at <= :now"
    return [condition(has_stalled if stalled else f"not ({has_stalled})", now=work.now)]


# The lateral join has a single plan: a look-up of each pair by the unique index (docs/decisions/0015).
_BY_EXTERNAL_IDS = """
    id in (
        select known.deal_id from unnest(:sources::text[], :ids::text[]) as named(source, external_id)
        cross join lateral (
            select deal_id from deal_external_id
            where source = named.source and external_id = named.external_id limit 1
        ) as known
    )
"""
