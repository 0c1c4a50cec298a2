"""Upserts: many records at once, each found by what other systems call it, as if they came one after the other.

All that the items name is read and locked by one statement, the changes are worked out in memory, and what has changed
is written by a few statements, however many items there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from chassis import Invalid, Problem, Work, uuid7
from services.customers import rules
from services.customers.features.customers.facts import (
    AmbiguousExternalIds,
    CustomerCreated,
    CustomerUpdated,
    NotIdentifiable,
)
from services.customers.features.customers.wire import CustomerFields, NewCustomer
from services.customers.model import ContactPoint, Customer, ExternalId

Key = tuple[str, str]
Outcome = tuple[Literal["created", "updated", "unchanged"], UUID] | Problem
FIELDS = ("kind", *CustomerFields.model_fields)


@dataclass(slots=True)
class Draft:
    """A record while a batch works on it."""

    id: UUID
    values: dict[str, Any]
    version: int
    is_new: bool
    touched: bool = False
    new_keys: list[Key] = field(default_factory=list)
    contacts: list[tuple[str, str]] | None = None
    """The contact points to be stored; None when they stay as they are."""


async def upsert_customers(work: Work, items: Sequence[tuple[int, NewCustomer]]) -> dict[int, Outcome]:
    """Creates or changes a customer for each item; the outcomes by place."""
    drafts = await _drafts_of(work, [item for _, item in items])
    touched: dict[UUID, Draft] = {}
    outcomes: dict[int, Outcome] = {}
    for index, item in items:
        try:
            draft, status = _apply(work, drafts, item)
        except Problem as problem:
            outcomes[index] = problem
            continue
        outcomes[index] = (status, draft.id)
        if draft.touched:
            touched[draft.id] = draft
    await _store(work, list(touched.values()))
    return outcomes


async def _drafts_of(work: Work, items: Sequence[NewCustomer]) -> dict[Key, Draft]:
    """The records that the items name, locked, by each of their external ids."""
    keys = {key for item in items for key in rules.external_keys(rules.complete(item.values(), FIELDS))}
    rows = await work.fetch(
        """
        select customer.* from customer where id in (
            select known.customer_id from external_id as known
            join unnest($1::text[], $2::text[]) as asked(source, external_id) using (source, external_id)
        ) order by id for no key update
        """,
        [source for source, _ in keys],
        [id for _, id in keys],
    )
    drafts = [Draft(row["id"], {name: row[name] for name in FIELDS}, row["version"], is_new=False) for row in rows]
    return {key: draft for draft in drafts for key in rules.external_keys(draft.values)}


def _apply(
    work: Work, drafts: dict[Key, Draft], item: NewCustomer
) -> tuple[Draft, Literal["created", "updated", "unchanged"]]:
    given = item.values()
    keys = rules.external_keys(rules.complete(given, FIELDS))
    found = {drafts[key].id: drafts[key] for key in keys if key in drafts}
    if len(found) > 1:
        raise AmbiguousExternalIds(customer_ids=[str(id) for id in sorted(found)])
    draft = next(iter(found.values()), None)
    status: Literal["created", "updated", "unchanged"]
    if draft is None:
        draft = _create(work, given)
        status = "created"
    else:
        status = "updated" if _change(work, draft, given) else "unchanged"
    for key in keys:
        if key not in drafts:
            drafts[key] = draft
            draft.new_keys.append(key)
    return draft, status


def _create(work: Work, given: dict[str, Any]) -> Draft:
    values = rules.complete(given, FIELDS)
    if not rules.is_identifiable(values):
        raise NotIdentifiable
    draft = Draft(uuid7(), values, version=1, is_new=True, touched=True, contacts=contacts_of(work, values))
    work.audit("created", Customer, draft.id, {name: [None, value] for name, value in values.items() if value})
    work.publish(created(work, draft.id, values))
    return draft


def _change(work: Work, draft: Draft, given: dict[str, Any]) -> bool:
    changed = rules.changes(draft.values, given)
    if not changed:
        return False
    after = draft.values | changed
    if {"emails", "phones"} & changed.keys():
        draft.contacts = contacts_of(work, after)
    work.audit("updated", Customer, draft.id, {name: [draft.values[name], value] for name, value in changed.items()})
    draft.values, draft.version, draft.touched = after, draft.version + 1, True
    work.publish(CustomerUpdated(customer_id=draft.id, version=draft.version, changed=sorted(changed)))
    return True


async def _store(work: Work, drafts: list[Draft]) -> None:
    new = [_row(work, draft) for draft in drafts if draft.is_new]
    await work.insert_all(Customer, [row | {"created_at": work.now, "state": "active"} for row in new])
    changed = [draft for draft in drafts if not draft.is_new]
    if changed:
        columns = ", ".join(f"{name} = new.{name}" for name in (*FIELDS, "search_name", "version", "updated_at"))
        await work.execute(
            f"update customer set {columns} from json_populate_recordset(null::customer, $1::json) as new "
            "where customer.id = new.id",
            [_row(work, draft) for draft in changed],
        )
    await replace_contacts(work, {draft.id: draft.contacts for draft in drafts if draft.contacts is not None}, changed)
    keys = [(draft.id, *key) for draft in drafts for key in draft.new_keys]
    await claim_external_ids(work, keys)


def _row(work: Work, draft: Draft) -> dict[str, Any]:
    name = rules.search_name(draft.values)
    return {"id": draft.id, **draft.values, "search_name": name, "version": draft.version, "updated_at": work.now}


# What one record and many have in common


def contacts_of(work: Work, values: dict[str, Any]) -> list[tuple[str, str]]:
    """The record's contact points. Raises Invalid for a number that cannot be one."""
    try:
        return rules.contact_points(values, work.tenant.region)
    except rules.BadContact as error:
        raise Invalid.field(error.place, "not_possible", str(error)) from None


def created(work: Work, id: UUID, values: dict[str, Any]) -> CustomerCreated:
    """The fact that a customer was recorded."""
    return CustomerCreated(
        customer_id=id, version=1, kind=values["kind"], lifecycle=values["lifecycle"], created_at=work.now
    )


async def replace_contacts(
    work: Work, contacts: dict[UUID, list[tuple[str, str]]], stored: Sequence[Draft] = ()
) -> None:
    """Stores the contact points of records, instead of those that stand."""
    known = [draft.id for draft in stored if draft.id in contacts]
    if known:
        await work.execute("delete from contact_point where customer_id = any($1)", known)
    rows = [
        {"customer_id": id, "kind": kind, "normal": normal}
        for id, points in contacts.items()
        for kind, normal in points
    ]
    await work.insert_all(ContactPoint, rows)


async def claim_external_ids(work: Work, keys: Sequence[tuple[UUID, str, str]]) -> None:
    """Stores external ids; somebody else's that was stored meanwhile breaks the constraint, and all is run again."""
    rows = [
        {"customer_id": id, "source": source, "external_id": external}
        for id, source, external in sorted(keys, key=_external)
    ]
    await work.insert_all(ExternalId, rows)


def _external(key: tuple[UUID, str, str]) -> Key:
    """What rows are sorted by before they are written: two batches with the same ids must take them in one order."""
    return key[1:]
