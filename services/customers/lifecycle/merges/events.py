"""The events and problems of merges."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Problem
from services.customers.people.queries import CustomerEvent


class MergeEvent(CustomerEvent):
    """The fields of both events about a merge. `customer_id` is the survivor."""

    merge_id: UUID
    """The merge."""
    merged_id: UUID
    """The customer whose record was merged into the survivor's."""
    number: Annotated[
        int,
        Field(
            description="Merges that name the same customer are numbered in their order. A merge of a customer that "
            "took part in a later merge has been undone, even if the event of the undo has not arrived.",
            examples=[1],
        ),
    ]


class CustomersMerged(MergeEvent, type="customers.customers_merged.v1", partition_key="customer_id"):
    """Two records of a customer were merged. Records of the merged id belong to the survivor from now on."""

    merged_at: datetime
    """When they were merged."""


class MergeUndone(MergeEvent, type="customers.merge_undone.v1", partition_key="customer_id"):
    """A merge was undone. Records that came in under the merged id belong to it again, also those since the merge."""

    undone_at: datetime
    """When it was undone."""


class AlreadyMerged(Problem, status=409):
    """The record has been merged already.

    `customer_id` is the survivor and `merge_id` the merge. Merge the survivor instead, or undo the merge.
    """


class KindsDiffer(Problem, status=409):
    """A person and an organization cannot be merged.

    Correct the kind of one of them with PATCH first, or relate them to each other.
    """


class NotMergeable(Problem, status=409):
    """A record in this state cannot be merged.

    `customer_id` is the record and `state` its state. An erased record has no content that could be merged.
    """


class MergeNotReversible(Problem, status=409):
    """The merge cannot be undone as the records are now.

    `detail` says why. If the survivor was merged itself, `merge_id` is that merge: undo it first. After an erasure,
    nothing is left to restore.
    """
