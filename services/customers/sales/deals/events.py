"""The events and problems of deals. `DealCreated` is in the queries, because a lead creates deals too."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Problem
from services.customers.sales.queries.deals import DealEvent

LostReason = Annotated[str, Field(description="A reason of the API or of the pipeline's own.", examples=["competitor"])]


class DealUpdated(DealEvent, type="customers.deal_updated.v1", partition_key="customer_id"):
    """Fields or lines of a deal changed, but not its stage."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["amount", "lines"]])]
    updated_at: datetime
    """When it was changed."""


class DealStageChanged(DealEvent, type="customers.deal_stage_changed.v1", partition_key="customer_id"):
    """A deal moved to another open stage."""

    previous_stage_id: UUID
    """The stage before."""
    seconds_in_previous_stage: Annotated[int, Field(examples=[86400])]
    """How long the deal was in it."""
    changed_at: datetime
    """When it was moved."""


class DealWon(DealEvent, type="customers.deal_won.v1", partition_key="customer_id"):
    """A deal was won."""

    previous_stage_id: UUID
    """The stage in which it was won."""
    closed_at: datetime
    """When it was won."""


class DealLost(DealEvent, type="customers.deal_lost.v1", partition_key="customer_id"):
    """A deal was lost."""

    previous_stage_id: UUID
    """The stage in which it was lost."""
    reason: LostReason
    closed_at: datetime
    """When it was lost."""


class DealReopened(DealEvent, type="customers.deal_reopened.v1", partition_key="customer_id"):
    """A closed deal was reopened."""

    previous_state: Annotated[str, Field(examples=["lost"])]
    """Whether it had been won or lost."""
    reopened_at: datetime
    """When it was reopened."""


class DealStalled(DealEvent, type="customers.deal_stalled.v1", partition_key="customer_id"):
    """A deal has not changed for the days of its stage. Published once until it changes again."""

    stalled_at: datetime
    """Since when it has stalled."""


class DealRemoved(DealEvent, type="customers.deal_removed.v1", partition_key="customer_id"):
    """A deal was removed, because the import that had created it was reverted."""

    removed_at: datetime
    """When it was removed."""


class SameStage(Problem, status=409):
    """The deal is in this stage already.

    Nothing has changed. Name another stage of the pipeline.
    """


class StageSkipped(Problem, status=409):
    """The pipeline does not allow a deal to move past open stages.

    Move the deal through each stage, or allow it by `allows_skipping` of the pipeline.
    """


class DealOpen(Problem, status=409):
    """The deal is open.

    Only a deal that is won or lost can be reopened.
    """


class AmountFromLines(Problem, status=409):
    """The amount and the currency of a deal with lines follow from the lines.

    Change the lines, or remove them all.
    """
