"""Request and response bodies of customers."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field

from chassis import (
    Day,
    Fields,
    JsonObject,
    Line,
    Lines,
    MergePatch,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    normalize_email,
)
from services.customers.people import tables
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
    label: ShortLine | None = None


class PhoneFields(Fields):
    """A phone number as it was given. Without a country code it is read for the tenant's region."""

    number: Annotated[ShortLine, Field(examples=["+31 20 794 0800"])]
    label: ShortLine | None = None


class AddressFields(Fields):
    """A postal address."""

    street: Annotated[Lines, Field(examples=["Keizersgracht 1\nApt 2"])] | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: ShortLine | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"]), AfterValidator(require_country)] | None = None
    latitude: Annotated[float, Field(strict=True, ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(strict=True, ge=-180, le=180)] | None = None


class ExternalReferenceFields(Fields):
    """The id of a customer in another system."""

    source: Reference
    id: Reference


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


class ExternalReference(ExternalReferenceFields, Resource):
    """The id of a customer in another system."""


class PersonFields(Fields):
    """The fields that are null if nothing is known."""

    given_name: Line | None = None
    family_name: Line | None = None
    name: Line | None = None
    birth_date: Day | None = None
    occupation: Line | None = None
    area: Line | None = None
    preferred_channel: ShortLine | None = None


Distinct = AfterValidator(_collapse_repeats)


class CustomerFields(PersonFields):
    """The fields that a request may set."""

    account_kinds: Annotated[list[AccountKind], Field(max_length=6), Distinct] | None = None
    emails: Annotated[list[EmailCreate], Field(max_length=50)] | None = None
    phones: Annotated[list[PhoneCreate], Field(max_length=50)] | None = None
    addresses: Annotated[list[AddressCreate], Field(max_length=50)] | None = None
    external_ids: Annotated[list[ExternalReferenceCreate], Field(max_length=50), Distinct] | None = None
    languages: Annotated[list[ShortLine], Field(max_length=50), Distinct] | None = None
    tags: Annotated[list[ShortLine], Field(max_length=200), Distinct] | None = None
    lifecycle: Lifecycle | None = None
    custom: JsonObject | None = None


class CustomerCreate(CustomerFields, RequestBody):
    """A customer to create."""

    kind: CustomerKind


class CustomerUpsert(CustomerFields, MergePatch):
    """A customer to create or change. Absent fields stay as they are, null clears a field, external ids are added."""

    kind: CustomerKind


class CustomerUpdate(CustomerFields, MergePatch):
    """A JSON Merge Patch of a customer: null clears a field, lists are replaced, `custom` is merged."""

    never_null: ClassVar[frozenset[str]] = frozenset(("kind",))

    kind: CustomerKind | None = None


class Customer(PersonFields, Resource, row=tables.Customer, etag="version"):
    """A customer."""

    id: UUID
    version: int
    kind: CustomerKind
    account_kinds: list[AccountKind]
    emails: list[Email]
    phones: list[Phone]
    addresses: list[Address]
    external_ids: list[ExternalReference]
    languages: list[str]
    tags: list[str]
    lifecycle: Lifecycle
    state: CustomerState
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


FIELDS = ("kind", *CustomerFields.model_fields)
"""The columns of a customer that requests set."""
