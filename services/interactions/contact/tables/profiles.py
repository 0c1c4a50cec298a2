"""Customers as the customers service describes them, and the addresses by which they are found."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import Person, belongs_to, bigint, choice, index, text_list, timestamp
from services.interactions.base import Base
from services.interactions.contact.rules.profiles import ContactKind


class CustomerProfile(Base, table=True):
    """A customer as the customers service describes it, under its id. A merged customer keeps its own, for an undo."""

    __tablename__ = "customer_profile"
    persons: ClassVar[tuple[Person, ...]] = (
        Person("id", merge="keep", merge_reason="It describes the record of this very id, and returns with an undo."),
    )

    version: int = bigint(default=0)
    """The version of the record that the fields of the record have. 0: none has arrived."""
    contact_version: int = bigint(default=0)
    """The version of the record that the contact details have. 0: none has arrived."""
    kind: str | None = None
    lifecycle: str | None = None
    state: str | None = None
    archived_at: datetime | None = timestamp(nullable=True, default=None)
    name: str | None = None
    """The name by which the customer is addressed."""
    given_name: str | None = None
    family_name: str | None = None
    languages: list[str] = text_list()
    preferred_channel: str | None = None
    owner_id: str | None = None
    timezone: str | None = None
    """The time zone of the phone numbers, if they have a single one."""
    country: str | None = None
    postal_code: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class ContactKey(Base, table=True):
    """An e-mail address or phone number of a customer. Two customers may share it."""

    __tablename__ = "contact_key"
    __table_args__ = (
        belongs_to("customer_id", "customer_profile", cascade=True),
        index("kind", "normal"),
        index("customer_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (
        Person(merge="keep", merge_reason="It belongs to the profile, which is kept."),
    )

    customer_id: UUID
    kind: ContactKind = choice(ContactKind, "kind")
    normal: str
    """The form in which it is looked up."""
    address: str
    """The address or number, as it was given."""
    is_primary: bool
