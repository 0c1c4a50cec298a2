"""Bodies of e-mail addresses, phone numbers and postal addresses."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chassis import Fields, Line, Lines, MergePatch, Resource, ShortLine, normalize_email
from services.customers.people.rules.contacts import mark_primary
from services.customers.people.rules.countries import require_country

PrimaryOfRequest = Annotated[bool, Field(strict=True)]
WithPrimary = AfterValidator(mark_primary)


def _require_address(address: str) -> str:
    normalize_email(address.strip())
    return address.strip()


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

    label: ShortLine | None = None
    """Its use, such as `billing`."""
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

    primary: PrimaryOfRequest | None = None
    """True for the preferred address. At most one is. If none is marked, the first is the primary one."""


class PhoneCreate(PhoneFields, MergePatch):
    """A phone number to store. Without a country code it is read for the tenant's region."""

    primary: PrimaryOfRequest | None = None
    """True for the preferred number. At most one is. If none is marked, the first is the primary one."""


class AddressCreate(AddressFields, MergePatch):
    """A postal address to store."""

    primary: PrimaryOfRequest | None = None
    """True for the preferred address. At most one is. If none is marked, the first is the primary one."""


class Email(EmailFields, Resource):
    """An e-mail address."""

    primary: bool
    """True for the preferred address."""
    normal: Annotated[str, Field(examples=["ada@example.com"])]
    """The form by which it is compared: lower case, and the domain in IDNA."""


class Phone(PhoneFields, Resource):
    """A phone number."""

    primary: bool
    """True for the preferred number."""
    e164: Annotated[str, Field(examples=["+31207940800"])] | None
    """The number in E.164, or null if it is not a possible number. It is then compared by its digits."""


class Address(AddressFields, Resource):
    """A postal address."""

    primary: bool
    """True for the preferred address."""
