"""Merged customers: their facts move to the customer who survives, and back when the merge is undone."""

from datetime import timedelta
from uuid import UUID

from chassis import Feature, IncomingEvent, MergeRecord, Work, apply_merge, settle_merges
from services.analytics.base import Base

feature = Feature("merges")


class CustomersMerged(IncomingEvent, type="customers.customers_merged.v1"):
    """Two records of a customer were merged."""

    merge_id: UUID
    customer_id: UUID
    merged_id: UUID
    number: int


class MergeUndone(IncomingEvent, type="customers.merge_undone.v1"):
    """A merge was undone."""

    merge_id: UUID
    customer_id: UUID
    merged_id: UUID
    number: int


@feature.on(CustomersMerged)
async def move_facts_to_survivors(work: Work, merge: CustomersMerged) -> None:
    """Move the facts of the merged customer, those that are still to come included."""
    record = MergeRecord(merge.merge_id, merge.merged_id, merge.customer_id, merge.number, undone=False)
    await apply_merge(work, Base.metadata, record)


@feature.on(MergeUndone)
async def move_facts_back(work: Work, merge: MergeUndone) -> None:
    """Move facts back that were recorded for the merged customer. A merge that arrives later has no effect."""
    record = MergeRecord(merge.merge_id, merge.merged_id, merge.customer_id, merge.number, undone=True)
    await apply_merge(work, Base.metadata, record)


@feature.periodic(every=timedelta(seconds=30))
async def move_facts_that_were_left(work: Work) -> bool:
    """Move the facts that transactions concurrent with a merge have stored for the merged customer."""
    return await settle_merges(work, Base.metadata)
