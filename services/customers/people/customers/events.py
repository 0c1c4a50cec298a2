"""The events and problems of customers."""

from datetime import datetime
from uuid import UUID

from chassis import Event, Problem
from services.customers.people.rules.records import CustomerKind, Lifecycle


class CustomerCreated(Event, type="customers.customer_created.v1", partition_key="customer_id"):
    """A customer was created."""

    customer_id: UUID
    version: int
    kind: CustomerKind
    lifecycle: Lifecycle
    created_at: datetime


class CustomerUpdated(Event, type="customers.customer_updated.v1", partition_key="customer_id"):
    """Fields of a customer changed. The record itself is read from the API."""

    customer_id: UUID
    version: int
    changed: list[str]


class ExternalIdTaken(Problem, status=409):
    """Another customer already has this external id.

    `customer_id` is that customer. To change it instead, send `PUT /v1/customers/by-external-id`.
    """


class AmbiguousExternalIds(Problem, status=409):
    """The external ids belong to more than one customer.

    `customer_ids` lists them. Send only the ids of a single customer.
    """


class NotIdentifiable(Problem, status=422):
    """A customer needs a name, an e-mail address, a phone number or an external id.

    Send at least one of them. A customer without any could never be found again.
    """


class KindDiffers(Problem, status=409):
    """The customer with this external id is of another kind.

    A person does not become an organization by an import. Correct the kind with PATCH, or the external id.
    """
