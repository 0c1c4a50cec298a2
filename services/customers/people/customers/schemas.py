"""Request and response bodies of customers."""

from datetime import datetime
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field

from chassis import (
    Day,
    Fields,
    JsonObject,
    Line,
    Lines,
    MergePatch,
    RequestBody,
    Resource,
    ShortLine,
    normalize_email,
)
from services.customers.people import tables
from services.customers.people.queries import ExternalReference, ExternalReferenceFields
from services.customers.people.rules.countries import require_country
from services.customers.people.rules.records import AccountKind, CustomerKind, CustomerState, Lifecycle

Item = TypeVar("Item")


def _require_address(address: str) -> str:
    normalize_email(address.strip())
    return address.strip()


def _collapse_repeats(items: list[Item]) -> list[Item]:
    """Return the items in order, each once."""
    return [item for index, item in enumerate(items) if item not in items[:index]]


class EmailFields(Fields):
    """An e-mail address as it was given."""

    address: Annotated[
        str, Field(min_length=3, max_length=254, examples=["ada@example.com"]), AfterValidator(_require_address)
    ]
    """The address, as it was given."""
    label: ShortLine | None = None
    """Its use, such as `work`."""


class PhoneFields(Fields):
    """A phone number as it was given. Without a country code it is read for the tenant's region."""

    number: Annotated[ShortLine, Field(examples=["+31 20 794 0800"])]
    """The number, as it was given. Without a country code it is read for the tenant's region."""
    label: ShortLine | None = None
    """Its use, such as `mobile`."""


class AddressFields(Fields):
    """A postal address."""

    street: Annotated[Lines, Field(examples=["Keizersgracht 1\nApt 2"])] | None = None
    """Street, house number and further lines."""
    city: Line | None = None
    """City or town."""
    region: Line | None = None
    """State, province or county."""
    postal_code: ShortLine | None = None
    """Postal code."""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"]), AfterValidator(require_country)] | None = None
    """Country, by its ISO 3166 code."""
    latitude: Annotated[float, Field(strict=True, ge=-90, le=90)] | None = None
    """Degrees north of the equator."""
    longitude: Annotated[float, Field(strict=True, ge=-180, le=180)] | None = None
    """Degrees east of Greenwich."""


class EmailCreate(EmailFields, MergePatch):
    """An e-mail address to store."""


class PhoneCreate(PhoneFields, MergePatch):
    """A phone number to store. Without a country code it is read for the tenant's region."""


class AddressCreate(AddressFields, MergePatch):
    """A postal address to store."""


class ExternalReferenceCreate(ExternalReferenceFields, RequestBody):
    """The id of a customer in another system."""


class Email(EmailFields, Resource):
    """An e-mail address."""


class Phone(PhoneFields, Resource):
    """A phone number."""


class Address(AddressFields, Resource):
    """A postal address."""


class PersonFields(Fields):
    """The fields that are null if nothing is known."""

    given_name: Line | None = None
    """Given names."""
    family_name: Line | None = None
    """Family name."""
    name: Line | None = None
    """The whole name of an organization, or of a person whose parts of the name are not known."""
    birth_date: Day | None = None
    """Date of birth."""
    occupation: Line | None = None
    """Occupation or profession."""
    area: Line | None = None
    """The area in which the customer lives or works."""
    preferred_channel: ShortLine | None = None
    """The channel on which the customer prefers to be contacted."""


Distinct = AfterValidator(_collapse_repeats)


class CustomerFields(PersonFields):
    """The fields that a request may set."""

    account_kinds: Annotated[list[AccountKind], Field(max_length=6), Distinct] | None = None
    """The business relations with this customer."""
    emails: Annotated[list[EmailCreate], Field(max_length=50)] | None = None
    """E-mail addresses."""
    phones: Annotated[list[PhoneCreate], Field(max_length=50)] | None = None
    """Phone numbers."""
    addresses: Annotated[list[AddressCreate], Field(max_length=50)] | None = None
    """Postal addresses."""
    external_ids: Annotated[list[ExternalReferenceCreate], Field(max_length=50), Distinct] | None = None
    """The customer's ids in other systems. Each belongs to a single customer."""
    languages: Annotated[list[ShortLine], Field(max_length=50), Distinct] | None = None
    """The customer's languages."""
    tags: Annotated[list[ShortLine], Field(max_length=200), Distinct] | None = None
    """Labels of your own."""
    lifecycle: Lifecycle | None = None
    """The stage of the relationship. Default: `prospect`."""
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

    never_null: ClassVar[frozenset[str]] = frozenset(("kind",))

    kind: CustomerKind | None = None
    """A person or an organization."""


class Customer(PersonFields, Resource, row=tables.Customer, etag="version"):
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
    lifecycle: Lifecycle
    """The stage of the relationship."""
    state: CustomerState
    """Only an active record is in use. The other states give the reason."""
    custom: JsonObject
    """Fields of your own."""
    created_at: datetime
    """When the record was created."""
    updated_at: datetime
    """When the record last changed."""


FIELDS = ("kind", *CustomerFields.model_fields)
"""The columns of a customer that requests set."""
OWN_FIELDS = (*PersonFields.model_fields, "emails", "phones", "addresses", "languages")
"""The fields that an end customer may change of his or her own record. The others are the tenant's."""
