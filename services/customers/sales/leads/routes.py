"""The operations that create, read, change and list leads."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
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
    equals,
    json,
    merge_patch,
    of_person,
    paginate,
    time_range,
)
from services.customers.people.customers.events import NotIdentifiable
from services.customers.people.queries import PersonBlocked, reject_blocked
from services.customers.people.rules import blocking, contacts, records
from services.customers.sales import tables
from services.customers.sales.leads.events import LeadAlreadyConverted, LeadCreated, LeadUpdated
from services.customers.sales.leads.schemas import Lead, LeadCreate, LeadUpdate
from services.customers.sales.queries.named import TimeSort
from services.customers.sales.rules.leads import LeadState

feature = Feature("leads")
LISTS = ("emails", "phones", "addresses", "external_ids")


@feature.post(
    "/leads", scope="customers:write", status_code=201, raises=[NotIdentifiable, PersonBlocked, RecordTooLarge]
)
async def create_lead(work: Work, body: LeadCreate) -> Lead:
    """Create a lead. It is no customer, and is not found among customers."""
    values = _settled(work, {name: value for name, value in body.values().items() if value is not None})
    _require_identifiable(values)
    await reject_blocked(work, blocking.identities_of(values))
    lead = await work.insert(tables.Lead(**values))
    work.publish(LeadCreated.from_row(lead, lead_id=lead.id))
    return Lead.from_row(lead)


@feature.get("/leads", scope="customers:read")
async def list_leads(
    work: Work,
    params: PageParams,
    created_at: Annotated[TimeRange, Depends(time_range("created_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    state: Annotated[list[LeadState] | None, Parameter(description="Any of these states.")] = None,
    owner_id: Annotated[Reference | None, Parameter(description="Only leads of this salesperson.")] = None,
    source: Annotated[ShortLine | None, Parameter(description="Only leads of this origin.")] = None,
    customer_id: Annotated[UUID | None, Parameter(description="Only leads that became this customer.")] = None,
    sort: Annotated[TimeSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Lead]:
    """List leads."""
    columns = equals(state=state, owner_id=owner_id, source=source)
    where = [*of_person(customer_id), *columns, *created_at.filters, *updated_at.filters]
    return await paginate(work, params, tables.Lead, Lead, sort=sort, where=where)


@feature.get("/leads/{id:uuid}", scope="customers:read")
async def read_lead(work: Work, id: UUID) -> Lead:
    """Return a lead."""
    return Lead.from_row(await work.get(tables.Lead, id))


@feature.patch(
    "/leads/{id:uuid}",
    scope="customers:write",
    raises=[LeadAlreadyConverted, NotIdentifiable, PersonBlocked, RecordTooLarge, VersionMismatch],
)
async def update_lead(work: Work, id: UUID, body: LeadUpdate, if_match: IfMatch) -> Lead:
    """Change the fields that are named. A converted lead does not change any more."""
    before = await work.get(tables.Lead, id, for_update=True)
    work.check_version(before, if_match)
    if before.state == "converted":
        raise LeadAlreadyConverted(customer_id=str(before.customer_id))
    changes = _changes(work, before, body)
    if not changes:
        return Lead.from_row(before)
    identifying = {name: getattr(before, name, None) for name in records.IDENTIFYING}
    _require_identifiable(identifying | changes)
    known, after = (blocking.identities_of(each) for each in (identifying, identifying | changes))
    await reject_blocked(work, blocking.added(known, after))
    lead = await work.update(before, **changes)
    work.publish(LeadUpdated.from_row(lead, lead_id=id, changed=sorted(changes)))
    return Lead.from_row(lead)


def _changes(work: UnitOfWork, before: tables.Lead, body: LeadUpdate) -> dict[str, Any]:
    """Return the columns that a patch changes."""
    values = body.changes()
    values |= {name: values[name] or [] for name in LISTS if name in values}
    if "custom" in values:
        values["custom"] = {} if body.custom is None else merge_patch(before.custom, body.custom)
    values = _settled(work, values)
    return {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}


def _require_identifiable(values: dict[str, Any]) -> None:
    if not records.is_identifiable(values):
        raise NotIdentifiable


def _settled(work: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the look-up forms of their contacts. Raises ValidationFailed for an invalid one."""
    try:
        return contacts.with_forms(values, work.tenant.region)
    except contacts.InvalidContact as error:
        raise ValidationFailed.field(error.location, error.code, str(error)) from None
