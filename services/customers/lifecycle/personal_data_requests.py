"""Requests for personal data: who asked for everything that is held about a customer, and when.

The gateway collects the data from all services when they are read, at `GET /v1/personal-data/{id}`.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter
from fastapi import Response

from chassis import (
    Accepted,
    Feature,
    Line,
    Page,
    PageParams,
    PersonErased,
    RequestBody,
    Resource,
    Work,
    of_person,
    paginate,
)
from services.customers.lifecycle import tables
from services.customers.lifecycle.queries import ids_of
from services.customers.people.tables import Customer

feature = Feature("personal-data-requests")
SCOPE = "personal-data:read"


class PersonalDataRequestCreate(RequestBody):
    """A request for everything that is held about a customer."""

    example = {"requested_by": "by e-mail of 1 March"}

    requested_by: Line | None = None
    """The person who asked for it, and how."""


class PersonalDataRequest(Resource, row=tables.PersonalDataRequest, computed=("customer_ids",)):
    """A request for everything that is held about a customer."""

    id: UUID
    """Identifies the request. The data are read at `/v1/personal-data/{id}`."""
    customer_id: UUID
    """The customer."""
    customer_ids: list[UUID]
    """The customer's id, and the ids of records that were merged into it."""
    requested_by: str | None
    """The person who asked for it, or null."""
    actor: str
    """The principal that recorded the request: `key:<id>` for an API key."""
    created_at: datetime
    """When it was recorded."""


class RecordedRequest(Resource, row=tables.PersonalDataRequest):
    """A recorded request for personal data."""

    id: UUID
    """Identifies the request."""
    customer_id: UUID
    """The customer."""
    requested_by: str | None
    """The person who asked for it, or null."""
    actor: str
    """The principal that recorded the request."""
    created_at: datetime
    """When it was recorded."""


@feature.post("/customers/{id:uuid}/personal-data", scope=SCOPE)
async def request_personal_data(
    work: Work, response: Response, id: UUID, body: PersonalDataRequestCreate
) -> Accepted[PersonalDataRequest]:
    """Request everything that is held about a customer. `Location` is where the data are read."""
    customer = await work.get(Customer, id, for_update=True)
    row = tables.PersonalDataRequest(
        customer_id=customer.id, requested_by=body.requested_by, actor=work.actor, created_at=work.now
    )
    row = await work.insert(row)
    response.headers["Location"] = f"/v1/personal-data/{row.id}"
    return Accepted(PersonalDataRequest.from_row(row, customer_ids=await ids_of(work, customer.id)))


@feature.get("/personal-data-requests", scope=SCOPE)
async def list_personal_data_requests(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only those about this customer.")] = None,
) -> Page[RecordedRequest]:
    """List the requests for personal data, newest first."""
    where = of_person(customer_id)
    return await paginate(work, params, tables.PersonalDataRequest, RecordedRequest, sort="-created_at", where=where)


@feature.get("/personal-data-requests/{id:uuid}", scope=SCOPE, raises=[PersonErased])
async def read_personal_data_request(work: Work, id: UUID) -> PersonalDataRequest:
    """Return a request, with the ids that it is about now."""
    row = await work.get(tables.PersonalDataRequest, id)
    customer = await work.get(Customer, row.customer_id)
    return PersonalDataRequest.from_row(row, customer_ids=await ids_of(work, customer.id))
