"""The operations that open, read, change and list cases."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    IfMatch,
    Owned,
    Page,
    PageParams,
    PersonErased,
    Problem,
    RecordTooLarge,
    Reference,
    ShortLine,
    TimeRange,
    VersionMismatch,
    Work,
    current_person,
    equals,
    of_person,
    paginate,
    reject_erased,
    time_range,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.cases.schemas import CaseCreate, CaseUpdate, SupportCase
from services.interactions.helpdesk.queries.case_settings import check_terms
from services.interactions.helpdesk.queries.cases import check_about, open_case, update_fields
from services.interactions.helpdesk.rules.cases import AboutKind, CaseKind, CasePriority, CaseState

feature = Feature("cases")
HIDDEN = ("agent_id", "team", "severity", "opened_by")
"""How a business organises its work is not for its customers."""
OWNER_FIELDS = ("customer_id", "kind", "category", "subject", "description", "channel", "about", "remedy_sought")
Sort = Literal["opened_at", "-opened_at", "updated_at", "-updated_at"]


class CaseCustomerKnown(Problem, status=409):
    """The case has a customer already.

    `customer_id` is that customer. Open another case for another customer.
    """


@feature.post(
    "/cases",
    scope="interactions:write",
    status_code=201,
    raises=[PersonErased, RecordTooLarge],
    owner="customer_id",
    owner_fields=OWNER_FIELDS,
    owner_hidden=HIDDEN,
)
async def create_case(work: Work, body: CaseCreate) -> SupportCase:
    """Open a case. Its number is the next of the tenant."""
    columns = body.columns()
    await check_about(work, columns)
    await check_terms(work, columns)
    return SupportCase.of(await open_case(work, **columns))


@feature.get("/cases", scope="interactions:read", owner="customer_id", owner_hidden=HIDDEN)
async def list_cases(
    work: Work,
    params: PageParams,
    opened_at: Annotated[TimeRange, Depends(time_range("opened_at"))],
    updated_at: Annotated[TimeRange, Depends(time_range("updated_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only cases of this customer.")] = None,
    number: Annotated[int | None, Parameter(description="Only the case with this number.", ge=1, le=2**53)] = None,
    state: Annotated[list[CaseState] | None, Parameter(description="Any of these states.")] = None,
    kind: Annotated[list[CaseKind] | None, Parameter(description="Any of these kinds.")] = None,
    priority: Annotated[list[CasePriority] | None, Parameter(description="Any of these priorities.")] = None,
    category: Annotated[ShortLine | None, Parameter(description="Only cases of this category.")] = None,
    agent_id: Annotated[Reference | None, Parameter(description="Only cases of this agent.")] = None,
    team: Annotated[ShortLine | None, Parameter(description="Only cases of this team.")] = None,
    about_kind: Annotated[AboutKind | None, Parameter(description="Only cases about this kind of record.")] = None,
    about_id: Annotated[Reference | None, Parameter(description="Only cases about the record with this id.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-opened_at",
) -> Page[SupportCase]:
    """List cases, the newest first."""
    # A single state has an index in the order of the list. Several states need a sort.
    states = state[0] if state and len(state) == 1 else state
    where = [*of_person(customer_id), *opened_at.filters, *updated_at.filters]
    where += equals(number=number, state=states, kind=kind, priority=priority, category=category)
    where += equals(agent_id=agent_id, team=team, about_kind=about_kind, about_id=about_id)
    return await paginate(work, params, tables.SupportCase, SupportCase.of, sort=sort, where=where)


@feature.get(
    "/cases/{id:uuid}",
    scope="interactions:read",
    owner=Owned(tables.SupportCase, "customer_id"),
    owner_hidden=HIDDEN,
)
async def read_case(work: Work, id: UUID) -> SupportCase:
    """Return a case."""
    return SupportCase.of(await work.get(tables.SupportCase, id))


@feature.patch(
    "/cases/{id:uuid}",
    scope="interactions:write",
    raises=[CaseCustomerKnown, PersonErased, RecordTooLarge, VersionMismatch],
)
async def update_case(work: Work, id: UUID, body: CaseUpdate, if_match: IfMatch) -> SupportCase:
    """Change the fields that are named: describe, prioritise or assign a case, or name its customer."""
    before = await work.get(tables.SupportCase, id, for_update=True)
    work.check_version(before, if_match)
    columns = body.columns()
    if columns.get("customer_id") is not None:
        await reject_erased(work, columns["customer_id"])
        columns["customer_id"] = await current_person(work, columns["customer_id"])
        if before.customer_id not in (None, columns["customer_id"]):
            raise CaseCustomerKnown(customer_id=str(before.customer_id))
    changes = {name: value for name, value in columns.items() if value != getattr(before, name)}
    if {"about_kind", "about_id", "customer_id"} & changes.keys():
        named = {name: getattr(before, name) for name in ("about_kind", "about_id", "customer_id")}
        await check_about(work, named | changes)
    return SupportCase.of(await update_fields(work, before, changes))
