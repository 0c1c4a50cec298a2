"""The events and problems of customers."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chassis import Problem
from services.customers.people.queries import CustomerEvent, ExternalIds
from services.customers.people.rules.records import CustomerKind, CustomerState, Lifecycle

Version = Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]


class RecordEvent(CustomerEvent):
    """The fields of both events about a customer's record."""

    version: Version
    kind: CustomerKind
    """A person or an organization."""
    lifecycle: Lifecycle
    """The stage of the relationship."""
    state: CustomerState
    """The state of the record."""


class CustomerCreated(RecordEvent, type="customers.customer_created.v1", partition_key="customer_id"):
    """A customer was created."""

    created_at: datetime
    """When it was created."""


class CustomerUpdated(RecordEvent, type="customers.customer_updated.v1", partition_key="customer_id"):
    """Fields of a customer changed. The record itself is read from the API."""

    changed: Annotated[
        list[str], Field(description="The names of the changed fields.", examples=[["lifecycle", "tags"]])
    ]
    previous_lifecycle: Annotated[Lifecycle, Field(description="The stage before, which may be the same.")]
    removed_external_ids: Annotated[
        ExternalIds, Field(description="Ids that the customer no longer has.", examples=[[]])
    ]
    updated_at: datetime
    """When it was changed."""


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
