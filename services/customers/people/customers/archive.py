"""Archived customers: they keep everything, change no more, and appear in no list unless asked for."""

from datetime import datetime
from uuid import UUID

from chassis import Feature, IfMatch, UnitOfWork, VersionMismatch, Work
from services.customers.people import tables
from services.customers.people.customers.changes import publish_updated
from services.customers.people.customers.schemas import Customer

feature = Feature("customers")


@feature.post("/customers/{id:uuid}/archive", scope="customers:write", raises=[VersionMismatch])
async def archive_customer(work: Work, id: UUID, if_match: IfMatch) -> Customer:
    """Archive a customer. Lists and look-ups leave it out, and its record cannot be changed until it is restored.

    Permission is still recorded: a customer may withdraw it at any time. Archiving again changes nothing.
    """
    customer = await work.get(tables.Customer, id, for_update=True)
    work.check_version(customer, if_match)
    return await _set(work, customer, customer.archived_at or work.now)


@feature.post("/customers/{id:uuid}/restore", scope="customers:write", raises=[VersionMismatch])
async def restore_customer(work: Work, id: UUID, if_match: IfMatch) -> Customer:
    """Restore an archived customer. Another changes nothing."""
    customer = await work.get(tables.Customer, id, for_update=True)
    work.check_version(customer, if_match)
    return await _set(work, customer, None)


async def _set(work: UnitOfWork, before: tables.Customer, archived_at: datetime | None) -> Customer:
    customer = await work.update(before, archived_at=archived_at)
    if customer is not before:
        publish_updated(work, before, customer, ["archived_at"])
    return Customer.from_row(customer)
