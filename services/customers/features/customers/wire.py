"""What requests and answers about customers carry."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from chassis import Line, Reference, Wire, Word
from chassis.values import Day, normal_email

Kind = Literal["person", "organization"]
Lifecycle = Literal["prospect", "customer", "client", "former"]
State = Literal["active", "blocked", "ended", "merged", "erased"]
AccountKind = Literal["customer", "prospect", "vendor", "partner", "intermediary", "competitor"]


def _can_be_looked_up(address: str) -> str:
    normal_email(address.strip())
    return address.strip()


class NewEmail(Wire):
    """An e-mail address as it was given."""

    address: Annotated[
        str, Field(min_length=3, max_length=254, examples=["ada@example.com"]), AfterValidator(_can_be_looked_up)
    ]
    label: Word | None = None


class NewPhone(Wire):
    """A phone number as it was given; without a country code it is read for the tenant's region."""

    number: Annotated[Word, Field(examples=["+31 20 794 0800"])]
    label: Word | None = None


class NewAddress(Wire):
    """A postal address."""

    street: Line | None = None
    city: Line | None = None
    region: Line | None = None
    postal_code: Word | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"])] | None = None
    latitude: Annotated[float, Field(strict=True, ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(strict=True, ge=-180, le=180)] | None = None


class NewExternalReference(Wire):
    """What another system calls this customer."""

    source: Reference
    id: Reference


class CustomerFields(Wire):
    """The fields that a caller may set; null clears one."""

    given_name: Line | None = None
    family_name: Line | None = None
    name: Line | None = None
    account_kinds: Annotated[list[AccountKind], Field(max_length=6)] | None = None
    emails: Annotated[list[NewEmail], Field(max_length=50)] | None = None
    phones: Annotated[list[NewPhone], Field(max_length=50)] | None = None
    addresses: Annotated[list[NewAddress], Field(max_length=50)] | None = None
    external_ids: Annotated[list[NewExternalReference], Field(max_length=50)] | None = None
    birth_date: Day | None = None
    occupation: Line | None = None
    area: Line | None = None
    languages: Annotated[list[Word], Field(max_length=50)] | None = None
    preferred_channel: Word | None = None
    tags: Annotated[list[Word], Field(max_length=200)] | None = None
    lifecycle: Lifecycle | None = None
    custom: dict[str, Any] | None = None

    def values(self) -> dict[str, Any]:
        """What was given, as it is stored: absent fields are absent, null ones None."""
        return self.model_dump(exclude_unset=False, include=set(self.model_fields_set))


class NewCustomer(CustomerFields):
    """A customer to be recorded."""

    kind: Kind


class CustomerPatch(CustomerFields):
    """A JSON Merge Patch of a customer: lists are replaced, `custom` is merged."""

    kind: Kind | None = None


class Email(BaseModel):
    """An e-mail address."""

    address: str
    label: str | None


class Phone(BaseModel):
    """A phone number."""

    number: str
    label: str | None


class Address(BaseModel):
    """A postal address."""

    street: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


class ExternalReference(BaseModel):
    """What another system calls this customer."""

    source: str
    id: str


class Customer(BaseModel):
    """A customer."""

    id: UUID
    version: int
    kind: Kind
    given_name: str | None
    family_name: str | None
    name: str | None
    account_kinds: list[AccountKind]
    emails: list[Email]
    phones: list[Phone]
    addresses: list[Address]
    external_ids: list[ExternalReference]
    birth_date: date | None
    occupation: str | None
    area: str | None
    languages: list[str]
    preferred_channel: str | None
    tags: list[str]
    lifecycle: Lifecycle
    state: State
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime
