"""History: every change of a customer's record, with its actor and time."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from pydantic import Field

from chassis import Feature, Page, PageParams, Resource, TimeRange, Work, equals, paginate, time_range
from services.customers.people import tables

feature = Feature("history")
ChangedAt = Annotated[TimeRange, Depends(time_range("at"))]


class FieldChange(Resource):
    """The change of a field."""

    field: Annotated[str, Field(examples=["occupation"])]
    """The name of the field."""
    before: Annotated[Any, Field(description="The value before: null if there was none.")]
    after: Annotated[Any, Field(description="The value after: null if it was cleared.")]


class CustomerChange(Resource, row=tables.CustomerChangeRow):
    """A change of a customer's record."""

    id: UUID
    """Identifies the change."""
    customer_id: UUID
    """The customer."""
    at: datetime
    """When the change was made."""
    actor: str
    """The principal of the change, such as `key:<id>` for an API key."""
    action: str
    """The kind of change: `created` or `updated`."""
    changes: list[FieldChange]
    """The changed fields, by name."""
    trace_id: str
    """Identifies the request in the logs."""


@feature.get("/customers/{id:uuid}/history", scope="customers:read")
async def list_customer_changes(work: Work, id: UUID, params: PageParams, at: ChangedAt) -> Page[CustomerChange]:
    """List the changes of a customer's record, newest first, with the value of each field before and after."""
    await work.get(tables.Customer, id)
    where = [*equals(customer_id=id), *at.filters]
    return await paginate(work, params, tables.customer_change, CustomerChange, sort="-id", where=where)
