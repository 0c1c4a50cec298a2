"""The events and problems of customers."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from chassis import PERSONAL, Problem
from services.customers.people.queries import CustomerEvent, ExternalIds
from services.customers.people.rules.records import CustomerKind
from services.customers.people.rules.stages import CustomerState, Lifecycle, allowed_transitions

Version = Annotated[int, Field(description="The version of the record, which is its ETag.", examples=[3])]


class ContactPart(BaseModel):
    """A part of the contact details. An erasure removes them from stored events."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ContactEmail(ContactPart):
    """An e-mail address."""

    address: Annotated[str, Field(examples=["Ada@Example.com"])]
    """The address, as it was given."""
    normal: Annotated[str, Field(examples=["ada@example.com"])]
    """The form by which it is compared: lower case, and the domain in IDNA."""
    primary: bool
    """True for the preferred address."""


class ContactPhone(ContactPart):
    """A phone number."""

    number: Annotated[str, Field(examples=["+31 20 794 0800"])]
    """The number, as it was given."""
    normal: Annotated[str, Field(examples=["+31207940800"])]
    """The form by which it is compared: E.164, or the digits if it is not a possible number."""
    primary: bool
    """True for the preferred number."""


class ContactDetails(ContactPart):
    """The name and the contact points of a customer. An erasure replaces them by null in every stored event."""

    model_config = ConfigDict(json_schema_extra=PERSONAL)

    name: Annotated[str | None, Field(examples=["Ada Lovelace"])]
    """The name by which the customer is addressed: the preferred one, else the whole name."""
    given_name: Annotated[str | None, Field(examples=["Ada"])]
    """The given name."""
    family_name: Annotated[str | None, Field(examples=["Lovelace"])]
    """The family name."""
    emails: list[ContactEmail]
    """The e-mail addresses."""
    phones: list[ContactPhone]
    """The phone numbers."""
    languages: Annotated[list[str], Field(examples=[["en"]])]
    """The languages, the preferred one first."""
    preferred_channel: Annotated[str | None, Field(examples=["email"])]
    """The preferred channel."""
    owner_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The agent who looks after the customer."""
    country: Annotated[str | None, Field(examples=["NL"])]
    """The country of the primary postal address."""
    postal_code: Annotated[str | None, Field(examples=["1015 CJ"])]
    """The postal code of the primary postal address."""
    latitude: Annotated[float | None, Field(examples=[52.37])]
    """The latitude of the primary postal address, in degrees."""
    longitude: Annotated[float | None, Field(examples=[4.89])]
    """The longitude of the primary postal address, in degrees."""


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

    contact: ContactDetails | None
    """The contact details. Null after an erasure."""
    created_at: datetime
    """When it was created."""


class CustomerUpdated(RecordEvent, type="customers.customer_updated.v1", partition_key="customer_id"):
    """Fields of a customer changed. The record itself is read from the API.

    After an upgrade, an operator may publish the contact details of all customers: `changed` is empty then.
    """

    changed: Annotated[
        list[str], Field(description="The names of the changed fields.", examples=[["lifecycle", "tags"]])
    ]
    previous_lifecycle: Annotated[Lifecycle, Field(description="The stage before, which may be the same.")]
    removed_external_ids: Annotated[
        ExternalIds, Field(description="Ids that the customer no longer has.", examples=[[]])
    ]
    archived_at: datetime | None
    """When the record was archived, or null."""
    contact: ContactDetails | None
    """The contact details, or null if none of them changed."""
    updated_at: datetime
    """When it was changed."""


class OwnerAssigned(CustomerEvent, type="customers.owner_assigned.v1", partition_key="customer_id"):
    """A customer has another owner, or none any more."""

    version: Version
    owner_id: Annotated[
        str | None, Field(description="The agent who looks after the customer, or null.", examples=["agent-7"])
    ]
    previous_owner_id: Annotated[str | None, Field(description="The owner before, or null.", examples=["agent-3"])]
    lifecycle: Lifecycle
    """The stage of the relationship. An owner makes a client."""
    assigned_at: datetime
    """When the owner changed."""


class ProfileCompleted(CustomerEvent, type="customers.profile_completed.v1", partition_key="customer_id"):
    """The profile of a customer is complete for the first time.

    It has a name, an e-mail address or phone number, a postal address, and the birthday of a person.
    """

    version: Version
    kind: CustomerKind
    """A person or an organization."""
    completed_at: datetime
    """When it became complete."""


class CustomerRemoved(CustomerEvent, type="customers.customer_removed.v1", partition_key="customer_id"):
    """A customer was removed because the import that had created the record was reverted."""

    removed_at: datetime
    """When it was removed."""


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


class OwnerNeedsName(Problem, status=409):
    """A customer with an owner needs a name.

    Send the name as well, or remove the owner first.
    """


class TransitionNotAllowed(Problem, status=409):
    """The field cannot change from its current value to this one.

    `field` names it, `current` is its value, and `allowed` lists the values that may follow.
    """

    @classmethod
    def of(cls, field: str, current: str, new: str) -> Self:
        """Return the problem of a change."""
        allowed = list(allowed_transitions(field, current))
        detail = f"The {field} cannot change from {current} to {new}. Allowed: {', '.join(allowed) or 'nothing'}."
        return cls(detail, field=field, current=current, allowed=allowed)


class PossibleDuplicates(Problem, status=409):
    """Customers exist that are probably the same.

    `candidates` lists them, and the attributes that match. Use a candidate, or send `allow_duplicate`.
    """
