"""The operations that read and list de-selections."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Feature, Page, PageParams, Work, equals, paginate
from services.customers.lifecycle import tables
from services.customers.lifecycle.deselections.schemas import Deselection
from services.customers.lifecycle.rules.deselecting import DeselectionState, Treatment

feature = Feature("deselections")


@feature.get("/deselections", scope="customers:read")
async def list_deselections(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only those of this customer.")] = None,
    state: Annotated[list[DeselectionState] | None, Parameter(description="Any of these states.")] = None,
    treatment: Annotated[Treatment | None, Parameter(description="Only those with this treatment.")] = None,
) -> Page[Deselection]:
    """List de-selections, newest first."""
    where = equals(customer_id=customer_id, state=state, treatment=treatment)
    return await paginate(work, params, tables.Deselection, Deselection, sort="-created_at", where=where)


@feature.get("/deselections/{id:uuid}", scope="customers:read")
async def read_deselection(work: Work, id: UUID) -> Deselection:
    """Return a de-selection."""
    return Deselection.from_row(await work.get(tables.Deselection, id))
