"""Profiles of customers: names, addresses and states from the events of the customers service.

A request calls no other service, so what interactions needs of a customer is stored here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis import Command, Feature, IncomingEvent, Query, UnitOfWork, zone_of_numbers
from services.interactions.contact import tables
from services.interactions.contact.rules import profiles as rules
from services.interactions.contact.tables import CustomerProfile

feature = Feature("customer-profiles")


class Email(BaseModel):
    """An e-mail address."""

    address: str
    normal: str
    primary: bool


class Phone(BaseModel):
    """A phone number."""

    number: str
    normal: str
    primary: bool


class Contact(BaseModel):
    """The contact details of a customer."""

    name: str | None
    given_name: str | None
    family_name: str | None
    emails: list[Email]
    phones: list[Phone]
    languages: list[str]
    preferred_channel: str | None
    owner_id: str | None
    country: str | None
    postal_code: str | None
    latitude: float | None
    longitude: float | None

    def columns(self) -> dict[str, Any]:
        """Return the columns of a profile."""
        zone = zone_of_numbers([phone.normal for phone in self.phones], "")
        return self.model_dump(exclude={"emails", "phones"}) | {"timezone": None if zone is None else zone.key}

    def keys(self, customer_id: UUID) -> list[dict[str, Any]]:
        """Return the rows of the addresses."""
        addresses = [("email", each.normal, each.address, each.primary) for each in self.emails]
        numbers = [("phone", each.normal, each.number, each.primary) for each in self.phones]
        return [
            {"customer_id": customer_id, "kind": kind, "normal": normal, "address": address, "is_primary": primary}
            for kind, normal, address, primary in (*addresses, *numbers)
        ]


NO_CONTACT = Contact.model_validate(dict.fromkeys(Contact.model_fields) | {"emails": [], "phones": [], "languages": []})


class RecordEvent(IncomingEvent):
    """The fields of both events about a record. Those of before some fields existed lack them."""

    customer_id: UUID
    version: int
    kind: str | None = None
    lifecycle: str | None = None
    state: str | None = None
    archived_at: datetime | None = None
    contact: Contact | None = None

    def columns(self) -> dict[str, Any]:
        """Return the columns of a profile that describe the record, or none if the event lacks them."""
        if self.state is None:
            return {}
        return self.model_dump(include={"kind", "lifecycle", "state", "archived_at"})


class CustomerCreated(RecordEvent, type="customers.customer_created.v1"):
    """A customer was created."""


class CustomerUpdated(RecordEvent, type="customers.customer_updated.v1"):
    """Fields of a customer changed."""


class CustomerRemoved(IncomingEvent, type="customers.customer_removed.v1"):
    """A customer's record was removed, because its import was reverted."""

    customer_id: UUID


@feature.on_batch(CustomerCreated)
async def store_new_profiles(work: UnitOfWork, created: Sequence[CustomerCreated]) -> None:
    """Store the profiles of new customers."""
    await _store(work, created)


@feature.on_batch(CustomerUpdated)
async def update_profiles(work: UnitOfWork, updated: Sequence[CustomerUpdated]) -> None:
    """Store what changed, unless a later version of the record is stored."""
    await _store(work, updated)


@feature.on_batch(CustomerRemoved)
async def clear_profiles(work: UnitOfWork, removed: Sequence[CustomerRemoved]) -> None:
    """Keep only the ids of removed customers, so that a late event does not bring them back."""
    facts = {"version": rules.REMOVED_VERSION, "state": "removed", "contact": NO_CONTACT}
    await _store(work, [RecordEvent(customer_id=each.customer_id, **facts) for each in removed])


async def _store(work: UnitOfWork, events: Sequence[RecordEvent]) -> None:
    """Apply the events to the stored profiles, by a few statements for all of them.

    If a concurrent transaction inserts one of the profiles first, the primary key fails and this runs again.
    """
    ids = sorted({event.customer_id for event in events})
    stored = {row.id: row for row in await work.fetch(_LOCK, ids=ids)}
    changed: dict[UUID, CustomerProfile] = {}
    contacts: dict[UUID, Contact] = {}
    for event in events:
        id = event.customer_id
        before = changed.get(id) or stored.get(id) or CustomerProfile(id=id)
        contact = None if event.contact is None else event.contact.columns()
        changes = rules.changes(before.__dict__, event.version, event.columns(), contact)
        if "contact_version" in changes and event.contact is not None:
            contacts[id] = event.contact
        if changes:
            changed[id] = before.replace(**changes)
    rows = {id: row.model_dump(exclude={"tenant_id"}) for id, row in changed.items()}
    await work.insert_many(CustomerProfile, [row for id, row in rows.items() if id not in stored])
    await work.update_many(CustomerProfile, [row for id, row in rows.items() if id in stored])
    await work.execute(_DELETE_KEYS, ids=list(contacts))
    await work.insert_many(tables.ContactKey, [key for id, each in contacts.items() for key in each.keys(id)])


_LOCK = Query(CustomerProfile, "select * from customer_profile where id = any(:ids) order by id for no key update")
_DELETE_KEYS = Command("delete from contact_key where customer_id = any(:ids)")
