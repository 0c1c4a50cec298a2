"""Merges: a service moves the rows of merged persons to those who survive, and back when a merge is undone.

The tables declare what happens to their rows (`Person`), and features move what no declaration can describe
(`Feature.moves`). The service that merges persons moves its rows at once, so it does not read its own events.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import MetaData

from chassis.core.events import IncomingEvent
from chassis.core.persons import MERGE, MERGE_UNDONE
from chassis.db.redirects import apply_merge, settle_merges, tables_of
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import Feature
from chassis.types.merges import MergeRecord


class CustomersMerged(IncomingEvent, type=MERGE):
    """Two records of a customer were merged."""

    merge_id: UUID
    customer_id: UUID
    merged_id: UUID
    number: int


class MergeUndone(IncomingEvent, type=MERGE_UNDONE):
    """A merge was undone."""

    merge_id: UUID
    customer_id: UUID
    merged_id: UUID
    number: int


def feature_of(service: str, metadata: MetaData) -> Feature:
    """Return the feature by which a service follows merges. It is empty if no table has rows to move."""
    feature = Feature("merges")
    if all(person.merge == "keep" for table in tables_of(metadata) for person in table.persons):
        return feature

    @feature.periodic(every=timedelta(seconds=30))
    async def move_rows_that_were_left(work: UnitOfWork) -> bool:
        """Move the rows that transactions concurrent with a merge have stored for the merged customer."""
        return await settle_merges(work, metadata)

    if MERGE.startswith(f"{service}."):
        return feature

    @feature.on(CustomersMerged)
    async def move_rows_to_survivors(work: UnitOfWork, merge: CustomersMerged) -> None:
        """Move the rows of the merged customer, those that are still to come included."""
        record = MergeRecord(merge.merge_id, merge.merged_id, merge.customer_id, merge.number, undone=False)
        await apply_merge(work, metadata, record)

    @feature.on(MergeUndone)
    async def move_rows_back(work: UnitOfWork, merge: MergeUndone) -> None:
        """Move rows back that were recorded for the merged customer. A merge that arrives later has no effect."""
        record = MergeRecord(merge.merge_id, merge.merged_id, merge.customer_id, merge.number, undone=True)
        await apply_merge(work, metadata, record)

    return feature
