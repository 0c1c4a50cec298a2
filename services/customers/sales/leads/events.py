"""The events and problems of leads. No event contains a name or an address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.customers.sales.rules.leads import LeadState


class LeadEvent(Event):
    """The fields of both events about a lead's record."""

    lead_id: UUID
    """The lead."""
    version: Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]
    state: LeadState
    """The state of the lead."""
    source: Annotated[str | None, Field(examples=["fair"])]
    """The origin of the lead, or null."""
    owner_id: Annotated[str | None, Field(examples=["user:sales/ada"])]
    """The salesperson, or null."""


class LeadCreated(LeadEvent, type="customers.lead_created.v1", partition_key="lead_id"):
    """A lead was created."""

    created_at: datetime
    """When it was created."""


class LeadUpdated(LeadEvent, type="customers.lead_updated.v1", partition_key="lead_id"):
    """Fields of a lead changed."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["state"]])]
    updated_at: datetime
    """When it was changed."""


class LeadConverted(LeadEvent, type="customers.lead_converted.v1", partition_key="customer_id"):
    """A lead became a customer, or turned out to be one."""

    customer_id: UUID
    """The customer."""
    deal_id: UUID | None
    """The deal that was created with it, or null."""
    customer_created: bool
    """True if the customer is new."""
    converted_at: datetime
    """When it was converted."""


class LeadAlreadyConverted(Problem, status=409):
    """The lead is a customer already, and does not change any more.

    `customer_id` is that customer. Change the customer instead.
    """


class LeadUnqualified(Problem, status=409):
    """The lead is unqualified.

    Change its state first, if it is to become a customer after all.
    """
