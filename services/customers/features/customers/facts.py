"""What customers publish, and how they are refused."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis import Event, Problem


class CustomerCreated(Event, type="customers.customer_created.v1", key="customer_id"):
    """A customer was recorded."""

    customer_id: UUID
    version: int
    kind: Literal["person", "organization"]
    lifecycle: Literal["prospect", "customer", "client", "former"]
    created_at: datetime


class CustomerUpdated(Event, type="customers.customer_updated.v1", key="customer_id"):
    """Fields of a customer changed; the record itself is read from the API."""

    customer_id: UUID
    version: int
    changed: list[str]


class ExternalIdTaken(Problem, status=409):
    """Another customer has this external id already."""


class AmbiguousExternalIds(Problem, status=409):
    """The external ids belong to more than one customer."""


class NotIdentifiable(Problem, status=422):
    """One of name, e-mail, phone or external id is needed."""
