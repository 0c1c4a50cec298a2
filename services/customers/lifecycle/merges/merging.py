"""Merging two records, undoing it, and the look-ups of both records afterwards."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from chassis import (
    UNKNOWN_RECORD,
    Command,
    Feature,
    FieldCode,
    MergeRecord,
    Moves,
    Query,
    UnitOfWork,
    ValidationFailed,
    apply_merge,
    json,
    lock_merges,
)
from services.customers.base import Base
from services.customers.lifecycle import rules, tables
from services.customers.lifecycle.merges.events import (
    AlreadyMerged,
    CustomersMerged,
    KindsDiffer,
    MergeNotReversible,
    MergeUndone,
    NotMergeable,
)
from services.customers.lifecycle.merges.schemas import MergeCreate
from services.customers.people.customers.changes import changes_of, complete, contact_points_of, publish_updated
from services.customers.people.customers.schemas import FIELDS
from services.customers.people.queries import (
    claim_external_ids,
    reject_archived,
    store_contact_points,
    store_name_words,
    store_places,
)
from services.customers.people.rules import contacts, records
from services.customers.people.rules.places import points_of
from services.customers.people.tables import ContactPoint, Customer, ExternalId, Place

feature = Feature("merges")
MERGED_FIELDS = tuple(name for name in FIELDS if name != "kind")
SAME_RECORD = FieldCode("same_record", "A record cannot be merged into itself.", "Send the id of another record.")
NO_CHOICE = FieldCode(
    "no_choice", "The value of this field cannot be chosen.", "Send fields that the preview shows with `may_choose`."
)


@dataclass(frozen=True, slots=True)
class HeldId:
    """An external id of a merged record that another customer has now."""

    source: str
    external_id: str


async def find_records(
    work: UnitOfWork, id: UUID, merged_id: UUID, *, pointer: str, for_update: bool = False
) -> tuple[Customer, Customer]:
    """Return the survivor and the record to merge into it. Raises a problem unless they can be merged."""
    if id == merged_id:
        raise ValidationFailed.field(pointer, SAME_RECORD, "is the customer of the path")
    survivor = await work.get(Customer, id, for_update=for_update)
    merged = await work.find(Customer, for_update=for_update, id=merged_id)
    if merged is None:
        raise ValidationFailed.field(pointer, UNKNOWN_RECORD, "the customer does not exist")
    if merged.merged_into is not None or merged.id == survivor.id:
        child = merged.id if merged.merged_into is not None else id
        merge = await work.find(tables.Merge, merged_id=child, state="active")
        current = await work.get(Customer, merged.id)
        raise AlreadyMerged(customer_id=str(current.id), merge_id=None if merge is None else str(merge.id))
    for customer in (survivor, merged):
        if customer.state == "erased":
            raise NotMergeable(customer_id=str(customer.id), state=customer.state)
    if survivor.kind != merged.kind:
        raise KindsDiffer(f"The survivor is of the kind {survivor.kind}, the other of the kind {merged.kind}.")
    return survivor, merged


def merged_fields(
    work: UnitOfWork, survivor: Customer, merged: Customer, choices: dict[str, rules.MergeSide]
) -> list[rules.MergedField]:
    """Return the fields of both records, and which value survives. Raises ValidationFailed for impossible choices."""
    fields = rules.merge_fields(_values_of(survivor), _values_of(merged), MERGED_FIELDS, choices, work.tenant.region)
    for name in rules.unchoosable(fields, choices):
        raise ValidationFailed.field(f"/choices/{name}", NO_CHOICE, "is no field of these records that can be chosen")
    return fields


async def merge(work: UnitOfWork, id: UUID, body: MergeCreate) -> tables.Merge:
    """Merge a record into the customer, and return the merge."""
    await lock_merges(work)
    survivor, merged = await find_records(work, id, body.merged_id, pointer="/merged_id", for_update=True)
    reject_archived(survivor)
    fields = merged_fields(work, survivor, merged, body.choices or {})
    results = {field.field: field.result for field in fields if not json.json_equal(field.result, field.survivor)}
    for name in contacts.LOOKUP_FORMS.keys() & results.keys():
        results[name] = contacts.without_forms(name, results[name])
    values = changes_of(work, survivor, results, adds_external_ids=False)
    (number,) = await work.fetch(_NEXT_NUMBER, ids=[survivor.id, merged.id])
    row = await work.insert(
        tables.Merge(
            customer_id=survivor.id,
            merged_id=merged.id,
            number=number,
            changes={name: [getattr(survivor, name), value] for name, value in values.items()},
            merged_state=merged.state,
            actor=work.actor,
        )
    )
    # The merged record comes first: a unique value of it is free for the survivor then.
    await _change(work, merged, {"state": "merged", "merged_into": survivor.id})
    after = await _change(work, survivor, values)
    work.publish(
        CustomersMerged.from_row(row, merge_id=row.id, external_ids=after.external_ids, merged_at=row.created_at)
    )
    await apply_merge(work, Base.metadata, _record(row, undone=False))
    return row


async def undo(work: UnitOfWork, id: UUID) -> tables.Merge:
    """Undo a merge, and return it. Nothing happens if it has been undone."""
    await lock_merges(work)
    row = await work.get(tables.Merge, id, for_update=True)
    if row.state == "undone":
        return row
    survivor, merged = await _reversible_records(work, row)
    reject_archived(survivor)
    changes = row.changes or {}
    others = await work.fetch(_OTHERS, survivor_id=survivor.id, merge_id=row.id)
    current = _as_json(_values_of(survivor))
    restored = rules.restored_fields(
        changes, current, [_as_json(_values_of(other)) for other in others], work.tenant.region
    )
    after = await _change(work, survivor, {name: _from_json(name, value) for name, value in restored.items()})
    held = await work.fetch(_HELD_BY_OTHERS, customer_id=merged.id, holders=[survivor.id, merged.id])
    kept = [item for item in merged.external_ids if HeldId(item["source"], item["id"]) not in held]
    await _change(work, merged, {"state": row.merged_state, "merged_into": None, "external_ids": kept})
    for later in await work.fetch(_LATER, survivor_id=survivor.id, number=row.number):
        await work.update(later, changes=rules.rebased(later.changes or {}, changes, work.tenant.region))
    row = await work.update(row, state="undone", undone_at=work.now, undone_by=work.actor)
    work.publish(MergeUndone.from_row(row, merge_id=row.id, external_ids=after.external_ids, undone_at=work.now))
    await apply_merge(work, Base.metadata, _record(row, undone=True))
    return row


async def _reversible_records(work: UnitOfWork, row: tables.Merge) -> tuple[Customer, Customer]:
    survivor = await work.find(Customer, for_update=True, id=row.customer_id)
    merged = await work.find(Customer, for_update=True, id=row.merged_id)
    if survivor is None or merged is None or row.changes is None or "erased" in (survivor.state, merged.state):
        raise MergeNotReversible("A record has been erased.", merge_id=None)
    if survivor.merged_into is not None:
        later = await work.find(tables.Merge, merged_id=survivor.id, state="active")
        raise MergeNotReversible("The survivor was merged itself.", merge_id=later and str(later.id))
    return survivor, merged


async def _change(work: UnitOfWork, before: Customer, values: dict[str, Any]) -> Customer:
    """Change a record, and publish the change unless it is none. A merged record is found by nothing."""
    after = complete(work, before.replace(**values))
    if after.merged_into is not None:
        after = after.replace(search_words=[])
    derived = {name: getattr(after, name) for name in Customer.computed}
    stored = await work.update(before, **values, **derived)
    await store_name_words(work, [after])
    changed = [name for name in values if not json.json_equal(getattr(before, name), values[name])]
    if changed:
        visible = stored if stored.merged_into is None else stored.replace(external_ids=[])
        publish_updated(work, before, visible, set(changed) - {"merged_into"})
    return stored


@feature.moves(Customer, ContactPoint, ExternalId, Place)
async def store_lookups(work: UnitOfWork, moved: Moves) -> None:
    """Find current records by all of their contact points and external ids, and merged records by none."""
    ids = sorted(moved.changed | {moved.targets[id] for id in moved.changed})
    customers = [row for row in await work.fetch(_LOCK_CUSTOMERS, ids=ids) if row.merged_into is None]
    points = {customer.id: contact_points_of(customer) for customer in customers}
    await store_contact_points(work, points, replaced=ids)
    places = {customer.id: points_of(customer.addresses) for customer in customers}
    await store_places(work, places, replaced=ids)
    await work.execute(_DELETE_EXTERNAL_IDS, ids=ids)
    claims = [(row.id, key) for row in customers for key in dict.fromkeys(records.external_keys(row.external_ids))]
    await claim_external_ids(work, claims)


def _record(row: tables.Merge, *, undone: bool) -> MergeRecord:
    return MergeRecord(row.id, row.merged_id, row.customer_id, row.number, undone)


def _values_of(customer: Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in MERGED_FIELDS}


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as a document stores them: dates are texts."""
    stored: dict[str, Any] = json.loads(json.dumps(values))
    return stored


def _from_json(name: str, value: Any) -> Any:
    return _adapter(name).validate_python(value)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    annotation: Any = Customer.model_fields[name].annotation
    return TypeAdapter(annotation)


_NEXT_NUMBER = Query(
    int,
    """
    select coalesce(max(number), 0) + 1 from merge
    where customer_id = any(:ids) or merged_id = any(:ids)
    """,
)
_OTHERS = Query(
    Customer,
    """
    select customer.* from merge join customer on customer.id = merge.merged_id
    where merge.customer_id = :survivor_id and merge.state = 'active' and merge.id <> :merge_id
    """,
)
_LATER = Query(
    tables.Merge,
    """
    select * from merge where customer_id = :survivor_id and number > :number and state = 'active'
    and changes is not null order by number for no key update
    """,
)
_HELD_BY_OTHERS = Query(
    HeldId,
    """
    select held.source, held.external_id
    from customer cross join jsonb_to_recordset(customer.external_ids) as own(source text, id text)
    join external_id as held on held.source = own.source and held.external_id = own.id
    where customer.id = :customer_id and held.customer_id <> all(:holders)
    """,
)
_LOCK_CUSTOMERS = Query(Customer, "select * from customer where id = any(:ids) order by id for no key update")
_DELETE_EXTERNAL_IDS = Command("delete from external_id where customer_id = any(:ids)")
