"""The events and problems of promises. No event contains the text of a promise."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.interactions.helpdesk.rules.promises import PromiseMaker


class PromiseEvent(Event):
    """The fields of every event about a promise."""

    promise_id: UUID
    """The promise."""
    customer_id: UUID
    """The customer to whom it was made."""
    made_by_kind: PromiseMaker
    """What made it: an agent, a case or an order."""
    made_by_id: Annotated[str, Field(examples=["agent-7"])]
    """The agent, or the id of the case or of the purchase."""
    owner_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The agent in charge, or null."""
    team: Annotated[str | None, Field(examples=["repairs"])]
    """The team in charge, or null."""
    due_at: datetime
    """When it is due."""


class PromiseMade(PromiseEvent, type="interactions.promise_made.v1", partition_key="customer_id"):
    """A promise was made to a customer."""

    made_at: datetime
    """When it was made."""


class PromiseUpdated(PromiseEvent, type="interactions.promise_updated.v1", partition_key="customer_id"):
    """A promise has another owner, team or warning."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["owner_id"]])]
    updated_at: datetime
    """When it was changed."""


class PromiseDueSoon(PromiseEvent, type="interactions.promise_due_soon.v1", partition_key="customer_id"):
    """A promise is due soon. Published once for each due time."""


class PromiseKept(PromiseEvent, type="interactions.promise_kept.v1", partition_key="customer_id"):
    """A promise was kept."""

    kept_at: datetime
    """When it was done. It is not after `due_at`."""


class PromiseBroken(PromiseEvent, type="interactions.promise_broken.v1", partition_key="customer_id"):
    """A promise was not kept by its due time. Published once. It may be done later."""

    broken_at: datetime
    """When it was broken: its due time."""


class PromiseWithdrawn(PromiseEvent, type="interactions.promise_withdrawn.v1", partition_key="customer_id"):
    """A promise was withdrawn before it was due."""

    replaced_by_id: UUID | None
    """The promise that replaces it, or null."""
    withdrawn_at: datetime
    """When it was withdrawn."""


class PromiseNotOpen(Problem, status=409):
    """The promise is not open any more.

    `state` is its state: it was kept, it was withdrawn, or its due time is over. Make a new promise.
    """
