"""The operations on merges."""

from functools import cache
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Feature, Page, PageParams, Query, RecordTooLarge, Work, equals, paginate, tables_of
from services.customers.base import Base
from services.customers.lifecycle import tables
from services.customers.lifecycle.merges import merging
from services.customers.lifecycle.merges.events import AlreadyMerged, KindsDiffer, MergeNotReversible, NotMergeable
from services.customers.lifecycle.merges.schemas import (
    Merge,
    MergeCreate,
    MergePreview,
    MergePreviewField,
    MergePreviewRows,
)
from services.customers.lifecycle.rules import UNDO_RULE, MergeState
from services.customers.people.customers.events import TransitionNotAllowed
from services.customers.people.queries import CustomerArchived

feature = Feature("merges").include(merging.feature)


@feature.get(
    "/customers/{id:uuid}/merge-preview", scope="customers:read", raises=[AlreadyMerged, KindsDiffer, NotMergeable]
)
async def preview_merge(
    work: Work,
    id: UUID,
    merged_id: Annotated[UUID, Parameter(description="The record to merge into the customer.")],
) -> MergePreview:
    """Return what a merge would do, field by field. Nothing changes."""
    survivor, merged = await merging.find_records(work, id, merged_id, pointer="/with")
    fields = merging.merged_fields(work, survivor, merged, {})
    return MergePreview(
        customer_id=survivor.id,
        merged_id=merged.id,
        fields=[MergePreviewField.from_row(field) for field in fields],
        rows=await work.select(_count_rows(), customer_id=merged.id),
        undo_rule=UNDO_RULE,
    )


@feature.post(
    "/customers/{id:uuid}/merge",
    scope="customers:write",
    status_code=201,
    raises=[AlreadyMerged, CustomerArchived, KindsDiffer, NotMergeable, RecordTooLarge, TransitionNotAllowed],
)
async def merge_customers(work: Work, id: UUID, body: MergeCreate) -> Merge:
    """Merge a record into the customer of the path, which survives. Other services follow within seconds."""
    return Merge.from_row(await merging.merge(work, id, body))


@feature.post(
    "/merges/{id:uuid}/undo", scope="customers:write", raises=[CustomerArchived, MergeNotReversible, RecordTooLarge]
)
async def undo_merge(work: Work, id: UUID) -> Merge:
    """Separate the records of a merge again. A merge that has been undone is returned as it is."""
    return Merge.from_row(await merging.undo(work, id))


@feature.get("/merges", scope="customers:read")
async def list_merges(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Parameter(description="Only merges into this customer.")] = None,
    merged_id: Annotated[UUID | None, Parameter(description="Only merges of this record.")] = None,
    state: Annotated[MergeState | None, Parameter(description="Only merges in this state.")] = None,
) -> Page[Merge]:
    """List merges, newest first."""
    where = equals(customer_id=customer_id, merged_id=merged_id, state=state)
    return await paginate(work, params, tables.Merge, Merge, sort="-created_at", where=where)


@feature.get("/merges/{id:uuid}", scope="customers:read")
async def read_merge(work: Work, id: UUID) -> Merge:
    """Return a merge."""
    return Merge.from_row(await work.get(tables.Merge, id))


@cache
def _count_rows() -> Query[MergePreviewRows]:
    """Return the query that counts the rows of a customer, by table."""
    columns = [
        (str(table.__tablename__), person.column)
        for table in tables_of(Base.metadata)
        for person in table.persons
        if person.merge == "move"
    ]
    counts = " union all ".join(
        f"select '{table}' as kind, count(*) as count from {table} where {column} = :customer_id"
        for table, column in columns
    )
    return Query(MergePreviewRows, f"select kind, sum(count)::bigint as count from ({counts}) as rows group by kind")
