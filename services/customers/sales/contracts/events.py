"""The events and problems of contracts. No event contains a text about the customer."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.customers.sales.rules.contracts import ContractEndReason, Renewal


class ContractEvent(Event):
    """The fields of every event about a contract."""

    contract_id: UUID
    """The contract."""
    customer_id: UUID
    """The customer."""
    deal_id: UUID | None
    """The deal that led to it, or null."""
    starts_on: date
    """Its first day."""
    ends_on: date | None
    """Its last day, or null without an end."""
    renewal: Renewal
    """The effect of its end."""


class ContractCreated(ContractEvent, type="customers.contract_created.v1", partition_key="customer_id"):
    """A contract was created."""

    created_at: datetime
    """When it was created."""


class ContractUpdated(ContractEvent, type="customers.contract_updated.v1", partition_key="customer_id"):
    """Fields of a contract changed."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["notice_days"]])]
    updated_at: datetime
    """When it was changed."""


class ContractNoticeApproaching(
    ContractEvent, type="customers.contract_notice_approaching.v1", partition_key="customer_id"
):
    """The last day for a notice is within two weeks. Published once for each such day."""

    last_notice_on: date
    """The last day on which a notice is in time."""


class ContractEnding(ContractEvent, type="customers.contract_ending.v1", partition_key="customer_id"):
    """A contract ends within two weeks, unless it is renewed. Published once for each end."""


class ContractRenewed(ContractEvent, type="customers.contract_renewed.v1", partition_key="customer_id"):
    """A contract was renewed until `ends_on`."""

    previous_ends_on: date | None
    """Its last day before."""
    automatic: Annotated[bool, Field(description="True if it renewed itself.")]
    renewed_at: datetime
    """When it was renewed."""


class ContractEnded(ContractEvent, type="customers.contract_ended.v1", partition_key="customer_id"):
    """A contract ended."""

    ended_on: date
    """Its last day."""
    reason: ContractEndReason
    """Why it ended. `expired`: it was not renewed."""


class ContractOver(Problem, status=409):
    """The contract has ended.

    Create a new contract.
    """
