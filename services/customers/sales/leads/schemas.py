"""Request and response bodies of leads."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StrictBool

from chassis import (
    Fields,
    JsonObject,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
)
from services.customers.people.customers.contact_fields import (
    Address,
    AddressCreate,
    Email,
    EmailCreate,
    Phone,
    PhoneCreate,
    WithPrimary,
)
from services.customers.people.customers.schemas import ExternalReferenceCreate
from services.customers.people.queries import ExternalReference
from services.customers.people.rules.records import CustomerKind
from services.customers.sales import tables
from services.customers.sales.queries.deal_fields import DealValues
from services.customers.sales.rules.leads import LeadState, OpenLeadState


class LeadFields(Fields):
    """The fields that are null if nothing is known."""

    given_name: Line | None = None
    """Given names."""
    family_name: Line | None = None
    """Family name."""
    name: Line | None = None
    """The whole name of an organization, or of a person whose parts of the name are not known."""
    source: ShortLine | None = None
    """The origin of the lead, such as `fair`."""
    owner_id: Reference | None = None
    """The salesperson: an id of your own."""
    note: MultilineText | None = None
    """A remark."""
    unqualified_reason: Line | None = None
    """Why it is unqualified."""


class LeadValues(LeadFields):
    """The fields that a request may set."""

    emails: Annotated[list[EmailCreate], Field(max_length=50), WithPrimary] | None = None
    """E-mail addresses."""
    phones: Annotated[list[PhoneCreate], Field(max_length=50), WithPrimary] | None = None
    """Phone numbers."""
    addresses: Annotated[list[AddressCreate], Field(max_length=50), WithPrimary] | None = None
    """Postal addresses."""
    external_ids: Annotated[list[ExternalReferenceCreate], Field(max_length=50)] | None = None
    """The lead's ids in other systems."""
    custom: JsonObject | None = None
    """Fields of your own: a JSON object of at most 65,536 bytes."""


class LeadCreate(LeadValues, RequestBody):
    """A lead to create. A name, an e-mail address, a phone number or an external id is enough."""

    example = {
        "kind": "person",
        "given_name": "Grace",
        "emails": [{"address": "grace@example.com"}],
        "source": "fair",
    }

    kind: CustomerKind
    """A person or an organization."""


class LeadUpdate(LeadValues, MergePatch):
    """Fields to change: null clears a field, lists are replaced, `custom` is merged."""

    example = {"state": "working"}
    never_null: ClassVar[frozenset[str]] = frozenset(("kind", "state"))

    kind: CustomerKind | None = None
    """A person or an organization."""
    state: OpenLeadState | None = None
    """How far the lead has come. A conversion sets `converted`."""


class LeadDealCreate(DealValues, RequestBody):
    """A deal to create with the customer."""

    name: Line
    """The name of the deal."""
    pipeline_id: UUID | None = None
    """The pipeline. Default: the default pipeline."""
    stage_id: UUID | None = None
    """An open stage of the pipeline. Default: the first."""


class LeadConvertRequest(RequestBody):
    """How a lead becomes a customer."""

    example = {"deal": {"name": "Kettles for ten tea houses", "amount": "4200.00"}}

    customer_id: UUID | None = None
    """The customer that it is. Default: a new one."""
    allow_duplicate: StrictBool = False
    """Create a customer although others have the same contact points."""
    deal: LeadDealCreate | None = None
    """The deal that begins with the conversion."""


class Lead(LeadFields, Resource, row=tables.Lead, etag="version"):
    """A lead."""

    id: UUID
    """Identifies the lead."""
    version: int
    """Counts the changes. It is the ETag."""
    kind: CustomerKind
    """A person or an organization."""
    emails: list[Email]
    """E-mail addresses."""
    phones: list[Phone]
    """Phone numbers."""
    addresses: list[Address]
    """Postal addresses."""
    external_ids: list[ExternalReference]
    """The lead's ids in other systems."""
    state: LeadState
    """How far the lead has come."""
    custom: JsonObject
    """Fields of your own."""
    customer_id: UUID | None
    """The customer that it has become, or null."""
    deal_id: UUID | None
    """The deal that was created with the customer, or null."""
    converted_at: datetime | None
    """When it was converted, or null."""
    created_at: datetime
    """When the lead was created."""
    updated_at: datetime
    """When the lead last changed."""
