"""The events of erasures, and their problems."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, IncomingEvent, Problem
from chassis.messaging.erasures import ErasedTable
from services.customers.lifecycle.rules.erasing import SERVICES


class CustomerErased(Event, type="customers.customer_erased.v1", partition_key="customer_id"):
    """A customer is erased: delete or anonymise all that you keep of it, under each of the ids.

    The event is published again, under another id, until every service of Rapport has answered. No later event is about
    this customer.
    """

    erasure_id: UUID
    """The erasure."""
    customer_id: UUID
    """The customer."""
    customer_ids: Annotated[
        list[UUID], Field(description="The customer's id, and the ids of records that were merged into it.")
    ]
    erased_at: datetime
    """When the erasure began."""
    attempt: int
    """Counts the events of this erasure, from 1."""


class ErasureCertified(Event, type="customers.erasure_certified.v1", partition_key="erasure_id"):
    """Every service has erased the customer. The certificate can be read."""

    erasure_id: UUID
    """The erasure."""
    customer_id: UUID
    """The customer."""
    completed_at: datetime
    """When the last service answered."""


class ErasureAnswered(IncomingEvent):
    """A service has erased a customer."""

    erasure_id: UUID
    tables: list[ErasedTable]
    completed_at: datetime


ANSWERS = [
    type(
        f"{service.capitalize()}Answered",
        (ErasureAnswered,),
        {"__doc__": f"The {service} service has erased a customer.", "__module__": __name__},
        type=f"{service}.erasure_completed.v1",
    )
    for service in SERVICES
]


class ErasureAlreadyRequested(Problem, status=409):
    """An erasure of this customer is under way.

    `erasure_id` is that erasure. It can be cancelled until its `due_at`.
    """


class ErasureNotCancellable(Problem, status=409):
    """The erasure has begun, or has ended, so it can no longer be cancelled.

    An erasure can be cancelled in its grace period. Erased records cannot be restored.
    """


class ErasureNotCompleted(Problem, status=409):
    """The erasure is not completed, so there is no certificate yet.

    `missing` lists the services that have not answered. Read the erasure for its progress.
    """
