"""Upserts: many records at once, each found by its external ids, as if applied in sequence.

One statement reads and locks everything that the items name. The changes are computed in memory, and a few statements
write them, however many items there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from chassis import (
    IN_THE_FUTURE,
    MAX_CLOCK_SKEW,
    MAX_DOCUMENT_BYTES,
    Outcome,
    Problem,
    Query,
    UnitOfWork,
    ValidationFailed,
    reject_too_large,
)
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.people import tables
from services.customers.people.customers.events import (
    AmbiguousExternalIds,
    CustomerCreated,
    CustomerUpdated,
    KindDiffers,
    NotIdentifiable,
)
from services.customers.people.customers.schemas import FIELDS, CustomerCreate, CustomerUpsert
from services.customers.people.queries import (
    claim_external_ids,
    contact_points_of,
    store_contact_points,
    store_name_words,
)
from services.customers.people.rules import names, records

UpsertStatus = Literal["created", "updated", "unchanged"]
WRITTEN = (*FIELDS, "search_words", "version", "updated_at")
"""The columns that an upsert writes."""


@dataclass(slots=True)
class Draft:
    """A record while a batch works on it."""

    customer: tables.Customer
    is_new: bool
    changed: bool = False
    new_keys: list[records.ExternalKey] = field(default_factory=list)
    contact_points: list[records.ContactPoint] | None = None
    """The contact points to store, or None if they stay as they are."""


async def upsert_many(work: UnitOfWork, items: Sequence[tuple[int, CustomerUpsert]]) -> dict[int, Outcome]:
    """Create or change a customer for each item. Returns the outcomes by index."""
    custom_fields = await CustomFields.load(work, "customer", [item.custom for _, item in items])
    drafts = await _load_drafts(work, [item for _, item in items])
    changed: dict[UUID, Draft] = {}
    outcomes: dict[int, Outcome] = {}
    for index, item in items:
        try:
            draft, status = _apply(work, drafts, custom_fields, item)
        except Problem as problem:
            outcomes[index] = problem
            continue
        outcomes[index] = (status, draft.customer.id)
        if draft.changed:
            changed[draft.customer.id] = draft
    await _store(work, list(changed.values()))
    await custom_fields.confirm(work)
    return outcomes


async def _load_drafts(work: UnitOfWork, items: Sequence[CustomerUpsert]) -> dict[records.ExternalKey, Draft]:
    """Return the records that the items name, locked, by each of their external ids."""
    keys = {key for item in items for key in _keys_of(item)}
    customers = await work.fetch(
        _LOCK_BY_EXTERNAL_IDS, sources=[source for source, _ in keys], ids=[id for _, id in keys]
    )
    drafts = [Draft(customer, is_new=False) for customer in customers]
    return {key: draft for draft in drafts for key in records.external_keys(draft.customer.external_ids)}


def _apply(
    work: UnitOfWork, drafts: dict[records.ExternalKey, Draft], custom_fields: CustomFields, item: CustomerUpsert
) -> tuple[Draft, UpsertStatus]:
    keys = _keys_of(item)
    named = {drafts[key].customer.id: drafts[key] for key in keys if key in drafts}
    if len(named) > 1:
        raise AmbiguousExternalIds(customer_ids=[str(id) for id in sorted(named)])
    draft = next(iter(named.values()), None)
    status: UpsertStatus
    if draft is None:
        draft = _create(work, custom_fields, item)
        status = "created"
    else:
        if item.kind != draft.customer.kind:
            raise KindDiffers(f"The customer is of the kind {draft.customer.kind}.", customer_id=str(draft.customer.id))
        status = "updated" if _change(work, custom_fields, draft, item.changes()) else "unchanged"
    for key in keys:
        if key not in drafts:
            drafts[key] = draft
            draft.new_keys.append(key)
    return draft, status


def _keys_of(item: CustomerUpsert) -> list[records.ExternalKey]:
    return [(reference.source, reference.id) for reference in item.external_ids or []]


def _create(work: UnitOfWork, custom_fields: CustomFields, item: CustomerUpsert) -> Draft:
    customer = new_customer(work, item)
    reject_too_large(customer)
    draft = Draft(customer, is_new=True, changed=True, contact_points=contact_points_of(work, customer))
    custom_fields.check(customer.id, None, customer.custom)
    work.publish(created_event(customer))
    values = _values_of(customer)
    work.audit(
        "created", tables.Customer, customer.id, {name: [None, value] for name, value in values.items() if value}
    )
    return draft


def _change(work: UnitOfWork, custom_fields: CustomFields, draft: Draft, values: dict[str, Any]) -> bool:
    """Apply the fields of an item to a record. Returns whether they change it."""
    before = _values_of(draft.customer)
    changes = records.diff(before, values)
    if not changes:
        return False
    reject_impossible(work, changes)
    version = draft.customer.version + 1
    customer = with_search_words(draft.customer.replace(**changes, version=version, updated_at=work.now))
    reject_too_large(customer, draft.customer)
    points = contact_points_of(work, customer) if {"emails", "phones"} & changes.keys() else draft.contact_points
    custom_fields.check(customer.id, draft.customer.custom, customer.custom)
    work.publish(updated_event(draft.customer, customer, changes))
    # From here on nothing refuses the item: an item that is refused must leave no trace in the draft.
    draft.customer, draft.contact_points, draft.changed = customer, points, True
    audited = {name: [before[name], value] for name, value in changes.items()}
    work.audit("updated", tables.Customer, customer.id, audited)
    return True


async def _store(work: UnitOfWork, drafts: list[Draft]) -> None:
    new = [draft.customer for draft in drafts if draft.is_new]
    changed = [draft for draft in drafts if not draft.is_new]
    columns = ("id", *WRITTEN, "created_at", "state")
    await work.insert_many(tables.Customer, [{name: getattr(row, name) for name in columns} for row in new])
    await work.update_many(
        tables.Customer, [{name: getattr(draft.customer, name) for name in ("id", *WRITTEN)} for draft in changed]
    )
    points = {draft.customer.id: draft.contact_points for draft in drafts if draft.contact_points is not None}
    await store_contact_points(
        work, points, replaced=[draft.customer.id for draft in changed if draft.contact_points is not None]
    )
    await claim_external_ids(work, [(draft.customer.id, key) for draft in drafts for key in draft.new_keys])
    await store_name_words(work, [draft.customer for draft in drafts])


# Shared with the operations on a single record


def new_customer(work: UnitOfWork, body: CustomerCreate | CustomerUpsert) -> tables.Customer:
    """Return the row of a new customer. Raises NotIdentifiable."""
    values = records.with_defaults(body.changes(), FIELDS)
    if not records.is_identifiable(values):
        raise NotIdentifiable
    reject_impossible(work, values)
    return with_search_words(tables.Customer(**values, created_at=work.now, updated_at=work.now))


def reject_impossible(work: UnitOfWork, values: records.Values) -> None:
    """Raise ValidationFailed for a birth date in the future, or for too many custom fields.

    Today is the tenant's day. A day of tolerance allows for customers further east.
    """
    birth_date = values.get("birth_date")
    if birth_date is not None and birth_date > (work.now.astimezone(work.tenant.zone) + MAX_CLOCK_SKEW).date():
        raise ValidationFailed.field("/birth_date", IN_THE_FUTURE, "must not be in the future")
    if not records.fits(values.get("custom") or {}):
        raise ValidationFailed.field(
            "/custom", records.CUSTOM_TOO_LARGE, f"the record would have more than {MAX_DOCUMENT_BYTES} bytes of it"
        )


def with_search_words(customer: tables.Customer) -> tables.Customer:
    """Return the row with the words of its names."""
    return customer.replace(search_words=names.search_words(customer.given_name, customer.family_name, customer.name))


def created_event(customer: tables.Customer) -> CustomerCreated:
    """Return the event for a new customer."""
    return CustomerCreated.from_row(customer, customer_id=customer.id)


def updated_event(before: tables.Customer, after: tables.Customer, changed: Iterable[str]) -> CustomerUpdated:
    """Return the event for a change of these fields."""
    kept = set(records.external_keys(after.external_ids))
    removed = [item for item in before.external_ids if (item["source"], item["id"]) not in kept]
    return CustomerUpdated.from_row(
        after,
        customer_id=after.id,
        changed=sorted(changed),
        previous_lifecycle=before.lifecycle,
        removed_external_ids=removed,
    )


def _values_of(customer: tables.Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in FIELDS}


_LOCK_BY_EXTERNAL_IDS = Query(
    tables.Customer,
    """
    select customer.* from customer where id in (
        select known.customer_id from external_id as known
        join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    ) order by id for no key update
    """,
)
