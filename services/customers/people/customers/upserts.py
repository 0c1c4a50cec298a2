"""Upserts: many records at once, each found by its external ids, as if applied in sequence.

One statement reads and locks everything that the items name. The changes are computed in memory, and a few statements
write them, however many items there are.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from chassis import Outcome, PersonErased, Problem, Query, RetryTransaction, UnitOfWork, reject_too_large
from services.customers.customization.queries.custom_fields import CustomFields
from services.customers.people import tables
from services.customers.people.customers.changes import (
    changes_of,
    complete,
    contact_points_of,
    identities_of,
    new_customer,
    publish_created,
    publish_updated,
    values_of,
)
from services.customers.people.customers.events import AmbiguousExternalIds, KindDiffers
from services.customers.people.customers.schemas import FIELDS, CustomerUpsert
from services.customers.people.queries import (
    BlockList,
    claim_external_ids,
    store_contact_points,
    store_name_words,
    store_places,
)
from services.customers.people.rules import blocking, contacts, records
from services.customers.people.rules.places import Point, points_of
from services.customers.people.rules.profiles import DOCUMENTS, Values

UpsertStatus = Literal["created", "updated", "unchanged"]
WRITTEN = (*FIELDS, "search_words", "sort_name", "profile_completed_at", "version", "updated_at")
"""The columns that an upsert writes."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change of a record, from which it can be undone."""

    customer_id: UUID
    is_new: bool
    version: int
    before: Values
    """The former values of the fields that changed."""


@dataclass(slots=True)
class Draft:
    """A record while a batch works on it."""

    customer: tables.Customer
    is_new: bool
    changed: bool = False
    new_keys: list[records.ExternalKey] = field(default_factory=list)
    contact_points: list[contacts.ContactPoint] | None = None
    """The contact points to store, or None if they stay as they are."""
    places: list[Point] | None = None
    """The places to store, or None if they stay as they are."""
    last: Applied | None = None
    """Its latest change."""

    def take_over(self, customer: tables.Customer, changed: Collection[str]) -> None:
        """Take over a record of which these fields changed, and that by which it is found."""
        if "emails" in changed or "phones" in changed:
            self.contact_points = contact_points_of(customer)
        if "addresses" in changed:
            self.places = points_of(customer.addresses)
        self.customer, self.changed = customer, True


async def upsert_many(
    work: UnitOfWork,
    items: Sequence[tuple[int, CustomerUpsert]],
    *,
    ids: Mapping[int, UUID] | None = None,
    merges: bool = False,
    applied: dict[int, Applied] | None = None,
) -> dict[int, Outcome]:
    """Create or change a customer for each item. Returns the outcomes by index.

    `ids` gives the own ids of items that have one. `merges` adds the fields of objects to those of the
    record, instead of replacing the object. `applied` receives what the items have changed.
    """
    ids = ids or {}
    custom_fields = await CustomFields.load(work, "customer", [item.custom for _, item in items])
    drafts = await _load_drafts(work, [item for _, item in items], list(ids.values()))
    blocks = await BlockList.load(work, _identities_of(work, [item for _, item in items]))
    changed: dict[UUID, Draft] = {}
    outcomes: dict[int, Outcome] = {}
    for index, item in items:
        try:
            draft, status = _apply(work, drafts, custom_fields, blocks, item, ids.get(index), merges=merges)
        except Problem as problem:
            outcomes[index] = problem
            continue
        outcomes[index] = (status, draft.customer.id)
        if draft.changed:
            changed[draft.customer.id] = draft
        if applied is not None and draft.last is not None and status != "unchanged":
            applied[index] = draft.last
    await store(work, list(changed.values()))
    await custom_fields.confirm(work)
    await blocks.confirm(work)
    return outcomes


def _identities_of(work: UnitOfWork, items: Sequence[CustomerUpsert]) -> set[str]:
    """Return the identities that the items name, if the transaction runs again. Items that are invalid have none."""
    found: set[str] = set()
    for item in items if work.is_retry else ():
        with suppress(contacts.InvalidContact):
            found |= blocking.identities_of(contacts.with_forms(item.changes(), work.tenant.region)).keys()
    return found


async def _load_drafts(
    work: UnitOfWork, items: Sequence[CustomerUpsert], ids: Sequence[UUID]
) -> dict[records.ExternalKey, Draft]:
    """Return the records that the items name, locked, by each of their external ids, and by their own."""
    keys = {key for item in items for key in _keys_of(item)}
    customers = await work.fetch(
        _LOCK_BY_EXTERNAL_IDS, sources=[source for source, _ in keys], ids=[id for _, id in keys]
    )
    if ids:
        locked = {customer.id for customer in customers}
        customers += await work.fetch(LOCK_BY_IDS, ids=[id for id in ids if id not in locked])
    if any(customer.merged_into is not None for customer in customers):
        raise RetryTransaction("a record was merged while its lock was awaited: look for its survivor")
    drafts = [Draft(customer, is_new=False) for customer in customers]
    found = {key: draft for draft in drafts for key in records.external_keys(draft.customer.external_ids)}
    return found | {_own_key(draft.customer.id): draft for draft in drafts} if ids else found


def _apply(
    work: UnitOfWork,
    drafts: dict[records.ExternalKey, Draft],
    custom_fields: CustomFields,
    blocks: BlockList,
    item: CustomerUpsert,
    own_id: UUID | None,
    *,
    merges: bool,
) -> tuple[Draft, UpsertStatus]:
    keys = _keys_of(item)
    names = [_own_key(own_id), *keys] if own_id is not None else keys
    named = {drafts[key].customer.id: drafts[key] for key in names if key in drafts}
    if len(named) > 1:
        raise AmbiguousExternalIds(customer_ids=[str(id) for id in sorted(named)])
    draft = next(iter(named.values()), None)
    status: UpsertStatus
    if draft is None:
        draft = _create(work, custom_fields, blocks, item)
        status = "created"
    else:
        if draft.customer.erased_at is not None:
            raise PersonErased
        if item.kind != draft.customer.kind:
            raise KindDiffers(f"The customer is of the kind {draft.customer.kind}.", customer_id=str(draft.customer.id))
        values = item.changes()
        if merges:
            values = _merged(draft.customer, values)
        status = "updated" if _change(work, custom_fields, blocks, draft, values) else "unchanged"
    for key in keys:
        if key not in drafts:
            drafts[key] = draft
            draft.new_keys.append(key)
    return draft, status


def _merged(customer: tables.Customer, values: dict[str, Any]) -> dict[str, Any]:
    """Return fields whose objects have the fields of the record as well. A document says null for absent."""
    merged = dict(values)
    if values.get("custom"):
        merged["custom"] = customer.custom | values["custom"]
    for name in DOCUMENTS:
        if values.get(name):
            given = {field: value for field, value in values[name].items() if value is not None}
            merged[name] = (getattr(customer, name) or values[name]) | given
    return merged


def _keys_of(item: CustomerUpsert) -> list[records.ExternalKey]:
    return [(reference.source, reference.id) for reference in item.external_ids or []]


def _own_key(id: UUID) -> records.ExternalKey:
    """Return the key under which a record is found by its own id. No other system has an empty name."""
    return "", str(id)


def _create(work: UnitOfWork, custom_fields: CustomFields, blocks: BlockList, item: CustomerUpsert) -> Draft:
    customer = new_customer(work, item)
    reject_too_large(customer)
    draft = Draft(customer, is_new=True)
    draft.take_over(customer, FIELDS)
    blocks.check(identities_of(customer))
    custom_fields.check(customer.id, None, customer.custom)
    publish_created(work, customer)
    values = values_of(customer)
    work.audit(
        "created", tables.Customer, customer.id, {name: [None, value] for name, value in values.items() if value}
    )
    draft.last = Applied(customer.id, True, customer.version, {})
    return draft


def _change(
    work: UnitOfWork, custom_fields: CustomFields, blocks: BlockList, draft: Draft, values: dict[str, Any]
) -> bool:
    """Apply the fields of an item to a record. Returns whether they change it."""
    changes = changes_of(work, draft.customer, values, adds_external_ids=True)
    if changes:
        write(work, custom_fields, blocks, draft, changes)
    return bool(changes)


def write(
    work: UnitOfWork, custom_fields: CustomFields, blocks: BlockList, draft: Draft, changes: dict[str, Any]
) -> None:
    """Set fields of a record."""
    before = draft.customer
    customer = complete(work, before.replace(**changes, version=before.version + 1, updated_at=work.now))
    reject_too_large(customer, before)
    blocks.check(blocking.added(identities_of(before), identities_of(customer)))
    custom_fields.check(customer.id, before.custom, customer.custom)
    publish_updated(work, before, customer, changes)
    # From here on nothing refuses the item: an item that is refused must leave no trace in the draft.
    draft.take_over(customer, changes.keys())
    audited = {name: [getattr(before, name), value] for name, value in changes.items()}
    work.audit("updated", tables.Customer, customer.id, audited)
    draft.last = Applied(customer.id, False, customer.version, {name: getattr(before, name) for name in changes})


async def store(work: UnitOfWork, drafts: list[Draft]) -> None:
    """Write the drafts, by a few statements for all of them."""
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
    await store_places(
        work,
        {draft.customer.id: draft.places for draft in drafts if draft.places is not None},
        replaced=[draft.customer.id for draft in changed if draft.places is not None],
    )
    await claim_external_ids(work, [(draft.customer.id, key) for draft in drafts for key in draft.new_keys])
    await store_name_words(work, [draft.customer for draft in drafts])


LOCK_BY_IDS = Query(tables.Customer, "select * from customer where id = any(:ids) order by id for no key update")
_LOCK_BY_EXTERNAL_IDS = Query(
    tables.Customer,
    """
    select customer.* from customer where id in (
        select known.customer_id from external_id as known
        join unnest(:sources::text[], :ids::text[]) as named(source, external_id) using (source, external_id)
    ) order by id for no key update
    """,
)
