"""Request and response bodies of customers."""

from datetime import datetime
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from chassis import Day, Fields, JsonObject, Line, Lines, MergePatch, Reference, RequestBody, Resource, ShortLine
from services.customers.people import tables
from services.customers.people.customers.contact_fields import (
    Address,
    AddressCreate,
    Email,
    EmailCreate,
    Phone,
    PhoneCreate,
    WithPrimary,
)
from services.customers.people.customers.profile_fields import (
    Firmographics,
    FirmographicsCreate,
    ServicePreferences,
    ServicePreferencesCreate,
    SocialProfile,
    SocialProfileCreate,
)
from services.customers.people.queries import ExternalReference, ExternalReferenceFields
from services.customers.people.rules.birthdays import BIRTHDAY_PATTERN, require_birthday
from services.customers.people.rules.records import AccountKind, CustomerKind
from services.customers.people.rules.stages import CustomerState, Lifecycle

Item = TypeVar("Item")


def _collapse_repeats(items: list[Item]) -> list[Item]:
    """Return the items in order, each once."""
    return [item for index, item in enumerate(items) if item not in items[:index]]


Distinct = AfterValidator(_collapse_repeats)
Birthday = Annotated[str, Field(pattern=BIRTHDAY_PATTERN, examples=["--05-17"]), AfterValidator(require_birthday)]


class ExternalReferenceCreate(ExternalReferenceFields, RequestBody):
    """The id of a customer in another system."""


class PersonFields(Fields):
    """The fields that are null if nothing is known."""

    given_name: Line | None = None
    """Given names."""
    family_name: Line | None = None
    """Family name."""
    name: Line | None = None
    """The whole name of an organization, or of a person whose parts of the name are not known."""
    preferred_name: Annotated[Line, Field(examples=["Ada"])] | None = None
    """The name by which the customer wants to be called."""
    salutation: Annotated[ShortLine, Field(examples=["Dr"])] | None = None
    """The form of address before the name."""
    birth_date: Day | None = None
    """Date of birth."""
    birthday: Birthday | None = None
    """Month and day of the birth date, also if the year is not known. It follows from `birth_date`."""
    occupation: Line | None = None
    """Occupation or profession."""
    area: Line | None = None
    """The area in which the customer lives or works."""
    preferred_channel: ShortLine | None = None
    """The channel on which the customer prefers to be contacted."""
    travel_distance_km: Annotated[int, Field(strict=True, ge=0, le=20_100, examples=[25])] | None = None
    """How far the customer is willing to travel, in kilometres."""


class InternalFields(Fields):
    """The fields that concern the tenant's work, and are null if nothing is known."""

    strategic_reason: Lines | None = None
    """Why the customer is strategic."""
    owner_id: Annotated[Reference, Field(examples=["agent-7"])] | None = None
    """The agent who looks after the customer. A customer with an owner has a name."""


class CustomerFields(PersonFields, InternalFields):
    """The fields that a request may set."""

    account_kinds: Annotated[list[AccountKind], Field(max_length=6), Distinct] | None = None
    """The business relations with this customer."""
    emails: Annotated[list[EmailCreate], Field(max_length=50), WithPrimary] | None = None
    """E-mail addresses."""
    phones: Annotated[list[PhoneCreate], Field(max_length=50), WithPrimary] | None = None
    """Phone numbers."""
    addresses: Annotated[list[AddressCreate], Field(max_length=50), WithPrimary] | None = None
    """Postal addresses."""
    external_ids: Annotated[list[ExternalReferenceCreate], Field(max_length=50), Distinct] | None = None
    """The customer's ids in other systems. Each belongs to a single customer."""
    languages: Annotated[list[ShortLine], Field(max_length=50), Distinct] | None = None
    """The customer's languages."""
    tags: Annotated[list[ShortLine], Field(max_length=200), Distinct] | None = None
    """Labels of your own."""
    needs: Annotated[list[Line], Field(max_length=100), Distinct] | None = None
    """What the customer needs."""
    interests: Annotated[list[Line], Field(max_length=100), Distinct] | None = None
    """What the customer is interested in."""
    social_profiles: Annotated[list[SocialProfileCreate], Field(max_length=50), Distinct] | None = None
    """Accounts in social networks."""
    preferences: ServicePreferencesCreate | None = None
    """How the customer wants to be served."""
    firmographics: FirmographicsCreate | None = None
    """Facts about an organization. A person has none."""
    strategic: Annotated[bool, Field(strict=True)] | None = None
    """True for a customer of strategic importance, with a reason. Default: false."""
    lifecycle: Lifecycle | None = None
    """The stage of the relationship. Default: `prospect`, or `client` if an owner is assigned."""
    custom: JsonObject | None = None
    """Fields of your own: a JSON object of at most 65,536 bytes."""


class CustomerCreate(CustomerFields, RequestBody):
    """A customer to create."""

    example = {
        "kind": "person",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "emails": [{"address": "ada@example.com", "label": "work"}],
        "phones": [{"number": "+31 20 794 0800"}],
        "external_ids": [{"source": "till", "id": "817"}],
        "tags": ["tea"],
        "custom": {"favourite_tea": "Assam"},
    }

    kind: CustomerKind
    """A person or an organization."""
    allow_duplicate: StrictBool = False
    """Create the customer although others are probably the same."""


class CustomerUpsert(CustomerFields, MergePatch):
    """A customer to create or change. Absent fields stay as they are, null clears a field, external ids are added."""

    example = {
        "kind": "person",
        "family_name": "King",
        "occupation": None,
        "external_ids": [{"source": "till", "id": "817"}],
    }

    kind: CustomerKind
    """A person or an organization. An upsert does not change it."""


class CustomerUpdate(CustomerFields, MergePatch):
    """A JSON Merge Patch of a customer: null clears a field, lists are replaced, `custom` is merged."""

    example = {"lifecycle": "client", "occupation": None, "custom": {"favourite_tea": "Darjeeling"}}

    never_null: ClassVar[frozenset[str]] = frozenset(("kind", "state"))

    kind: CustomerKind | None = None
    """A person or an organization."""
    state: CustomerState | None = None
    """The state of the record: `active` or `blocked`. The others have operations of their own."""


class Customer(PersonFields, InternalFields, Resource, row=tables.Customer, etag="version"):
    """A customer."""

    id: UUID
    """Identifies the customer."""
    version: int
    """Counts the changes. It is the ETag."""
    kind: CustomerKind
    """A person or an organization."""
    account_kinds: list[AccountKind]
    """The business relations with this customer."""
    emails: list[Email]
    """E-mail addresses."""
    phones: list[Phone]
    """Phone numbers."""
    addresses: list[Address]
    """Postal addresses."""
    external_ids: list[ExternalReference]
    """The customer's ids in other systems."""
    languages: list[str]
    """The customer's languages."""
    tags: list[str]
    """Labels of your own."""
    needs: list[str]
    """What the customer needs."""
    interests: list[str]
    """What the customer is interested in."""
    social_profiles: list[SocialProfile]
    """Accounts in social networks."""
    preferences: ServicePreferences | None
    """How the customer wants to be served."""
    firmographics: Firmographics | None
    """Facts about an organization."""
    strategic: bool
    """True for a customer of strategic importance."""
    lifecycle: Lifecycle
    """The stage of the relationship."""
    state: CustomerState
    """Only an active record is in use. The other states give the reason."""
    merged_into: UUID | None
    """Set if the id that was requested is of a merged record: the customer that answers for it, which is this one."""
    custom: JsonObject
    """Fields of your own."""
    profile_completed_at: datetime | None
    """When the profile was complete for the first time."""
    archived_at: datetime | None
    """When the record was archived, or null."""
    created_at: datetime
    """When the record was created."""
    updated_at: datetime
    """When the record last changed."""


FIELDS = ("kind", *CustomerFields.model_fields)
"""The columns of a customer that requests set."""
OWN_FIELDS = (
    *PersonFields.model_fields,
    *("emails", "phones", "addresses", "languages", "needs", "interests", "social_profiles", "preferences"),
)
"""The fields that an end customer may change of his or her own record. The others are the tenant's."""
