"""Changes of a record: the fields that follow from those of a request, the refusals, the look-ups and the events."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError

from chassis import (
    IN_THE_FUTURE,
    MAX_CLOCK_SKEW,
    MAX_DOCUMENT_BYTES,
    Query,
    UnitOfWork,
    ValidationFailed,
    code_of,
)
from services.customers.people import tables
from services.customers.people.customers.events import (
    CustomerCreated,
    CustomerUpdated,
    NotIdentifiable,
    OwnerAssigned,
    OwnerNeedsName,
    ProfileCompleted,
    TransitionNotAllowed,
)
from services.customers.people.customers.schemas import FIELDS, CustomerCreate, CustomerUpsert
from services.customers.people.queries import reject_archived
from services.customers.people.rules import (
    blocking,
    contact_details,
    contacts,
    names,
    profiles,
    records,
    stages,
)

CHANGEABLE = (*FIELDS, "state")
NEW = records.with_defaults({}, FIELDS)
"""The fields of a record about which nothing is known."""


def new_customer(work: UnitOfWork, body: CustomerCreate | CustomerUpsert) -> tables.Customer:
    """Return the row of a new customer. Raises NotIdentifiable, OwnerNeedsName and ValidationFailed."""
    values = records.with_defaults(_settle(NEW, body.changes()), FIELDS)
    _reject_impossible(work, values, values)
    values = _with_lookup_forms(work, values)
    derived = _derived(work, values, completed_at=None)
    return tables.Customer(**values, **derived, created_at=work.now, updated_at=work.now)


def changes_of(
    work: UnitOfWork, customer: tables.Customer, values: profiles.Values, *, adds_external_ids: bool
) -> dict[str, Any]:
    """Return the fields that a request changes, as they are stored.

    Raises CustomerArchived, TransitionNotAllowed, NotIdentifiable, OwnerNeedsName and ValidationFailed.
    """
    current = values_of(customer)
    changes = records.diff(current, _settle(current, values), adds_external_ids=adds_external_ids)
    if not changes:
        return {}
    reject_archived(customer)
    for field in stages.TRANSITIONS.keys() & changes.keys():
        if not stages.is_allowed(field, current[field], changes[field]):
            raise TransitionNotAllowed.of(field, current[field], changes[field])
    _reject_impossible(work, changes, current | changes)
    return _with_lookup_forms(work, changes)


def complete(work: UnitOfWork, customer: tables.Customer) -> tables.Customer:
    """Return the row with the columns that follow from its fields: the computed ones."""
    return customer.replace(**_derived(work, customer.__dict__, completed_at=customer.profile_completed_at))


def _derived(work: UnitOfWork, record: profiles.Values, *, completed_at: datetime | None) -> dict[str, Any]:
    if completed_at is None and profiles.is_complete(record):
        completed_at = work.now
    words = names.search_words(*(record[name] for name in profiles.NAMES))
    sort_name = names.sort_name(record["given_name"], record["family_name"], record["name"])
    return {"search_words": words, "sort_name": sort_name, "profile_completed_at": completed_at}


def values_of(customer: tables.Customer) -> dict[str, Any]:
    """Return the fields of a record that requests set, and its state."""
    row = customer.__dict__  # attributes pass through SQLAlchemy's descriptors
    return {name: row[name] for name in CHANGEABLE}


def contact_points_of(customer: tables.Customer) -> list[contacts.ContactPoint]:
    """Return the contact points of a record."""
    return contacts.contact_points(customer.emails, customer.phones)


def identities_of(customer: tables.Customer) -> blocking.Identities:
    """Return that by which a blocked person is recognized."""
    return blocking.identities_of(customer.__dict__)


def publish_created(work: UnitOfWork, customer: tables.Customer) -> None:
    """Publish the events of a new customer."""
    contact = contact_details.contact_details(customer.__dict__)
    work.publish(CustomerCreated.from_row(customer, customer_id=customer.id, contact=contact))
    _publish_consequences(work, None, customer)


def publish_updated(work: UnitOfWork, before: tables.Customer, after: tables.Customer, changed: Iterable[str]) -> None:
    """Publish the events of a change of these fields."""
    changed = sorted(changed)
    _publish_record(work, before, after, changed, with_contact=contact_details.concerns(changed))
    _publish_consequences(work, before, after)


async def publish_contacts(work: UnitOfWork, after: UUID | None, most: int) -> UUID | None:
    """Publish the contact details of customers that have not changed, in the order of their ids.

    Returns the id of the last one, or None if no customer follows.
    """
    # The locks keep these events and those of concurrent changes in the order of the versions.
    customers = await work.fetch(_LOCK_NEXT, after=after or UUID(int=0), most=most)
    for customer in customers:
        visible = customer if customer.merged_into is None else customer.replace(external_ids=[])
        _publish_record(work, visible, visible, [], with_contact=True)
    return customers[-1].id if customers else None


def _publish_record(
    work: UnitOfWork, before: tables.Customer, after: tables.Customer, changed: list[str], *, with_contact: bool
) -> None:
    kept = set(records.external_keys(after.external_ids))
    removed = [item for item in before.external_ids if (item["source"], item["id"]) not in kept]
    event = CustomerUpdated.from_row(
        after,
        customer_id=after.id,
        changed=changed,
        previous_lifecycle=before.lifecycle,
        removed_external_ids=removed,
        contact=contact_details.contact_details(after.__dict__) if with_contact else None,
    )
    work.publish(event)


def _publish_consequences(work: UnitOfWork, before: tables.Customer | None, after: tables.Customer) -> None:
    previous_owner = before.owner_id if before else None
    if after.owner_id != previous_owner:
        work.publish(
            OwnerAssigned.from_row(
                after, customer_id=after.id, previous_owner_id=previous_owner, assigned_at=after.updated_at
            )
        )
    if after.profile_completed_at is not None and (before is None or before.profile_completed_at is None):
        work.publish(ProfileCompleted.from_row(after, customer_id=after.id, completed_at=after.profile_completed_at))


def _settle(current: profiles.Values, values: profiles.Values) -> dict[str, Any]:
    try:
        return profiles.settle(current, values)
    except PydanticCustomError as error:
        raise ValidationFailed.field("/birthday", code_of(error), error.message()) from None


def _reject_impossible(work: UnitOfWork, values: profiles.Values, record: profiles.Values) -> None:
    """Raise a problem for values that no record may have, or that do not fit the rest of the record."""
    if not records.is_identifiable(record):
        raise NotIdentifiable
    if record["owner_id"] is not None and not profiles.has_name(record):
        raise OwnerNeedsName
    birth_date = values.get("birth_date")
    if birth_date is not None and birth_date > _last_day(work):
        raise ValidationFailed.field("/birth_date", IN_THE_FUTURE, "must not be in the future")
    founded = (values.get("firmographics") or {}).get("founded_year")
    if founded is not None and founded > _last_day(work).year:
        raise ValidationFailed.field("/firmographics/founded_year", IN_THE_FUTURE, "must not be in the future")
    if not records.fits(values.get("custom") or {}):
        raise ValidationFailed.field(
            "/custom", records.CUSTOM_TOO_LARGE, f"the record would have more than {MAX_DOCUMENT_BYTES} bytes of it"
        )
    try:
        profiles.reject_contradictions(record)
    except profiles.Contradiction as error:
        raise ValidationFailed.field(error.location, error.code, str(error)) from None


def _last_day(work: UnitOfWork) -> date:
    """Return the last day that is not in the future: the tenant's, and one more for customers further east."""
    return (work.now.astimezone(work.tenant.zone) + MAX_CLOCK_SKEW).date()


def _with_lookup_forms(work: UnitOfWork, values: profiles.Values) -> dict[str, Any]:
    try:
        return contacts.with_forms(values, work.tenant.region)
    except contacts.InvalidContact as error:
        raise ValidationFailed.field(error.location, error.code, str(error)) from None


_LOCK_NEXT = Query(
    tables.Customer,
    """
    select * from customer where id > :after and erased_at is null order by id limit :most for no key update
    """,
)
