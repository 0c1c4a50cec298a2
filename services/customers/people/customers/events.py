"""The events and problems of customers."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Problem
from services.customers.people.rules.records import Kind, Lifecycle


class CustomerCreated(Event, type="customers.customer_created.v1", partition_key="customer_id"):
    """A customer was created."""

    customer_id: UUID
    version: int
    kind: Kind
    lifecycle: Lifecycle
    created_at: datetime


class CustomerUpdated(Event, type="customers.customer_updated.v1", partition_key="customer_id"):
    """Fields of a customer changed. The record itself is read from the API."""

    customer_id: UUID
    version: int
    changed: list[str]


class ExternalIdTaken(Problem, status=409):
    """Another customer already has this external id."""


class AmbiguousExternalIds(Problem, status=409):
    """The external ids belong to more than one customer."""


class NotIdentifiable(Problem, status=422):
    """A customer needs a name, an e-mail address, a phone number or an external id."""


class KindDiffers(Problem, status=409):
    """The customer with this external id is of another kind. Correct its kind with PATCH, or the external id."""
