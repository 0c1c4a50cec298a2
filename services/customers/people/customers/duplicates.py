"""New customers that exist already, with the same e-mail address or phone number and no contradicting attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from services.customers.people import tables
from services.customers.people.customers.changes import contact_points_of
from services.customers.people.customers.events import PossibleDuplicates
from services.customers.people.queries import store_contact_points
from services.customers.people.rules import contacts, likeness

MAX_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """The compared attributes of a customer that shares contact points with a new customer."""

    id: UUID
    kind: str
    given_name: str | None
    family_name: str | None
    name: str | None
    emails: list[contacts.EmailDocument]
    phones: list[contacts.PhoneDocument]
    addresses: list[dict[str, Any]]
    birth_date: date | None
    birthday: str | None


async def store_new_contact_points(work: UnitOfWork, customer: tables.Customer, *, allow_duplicate: bool) -> None:
    """Store the contact points of a new customer. Raises PossibleDuplicates unless duplicates are allowed.

    Usually they are free. Otherwise a unique violation is reported, and the retry looks for the candidates.
    """
    points = contact_points_of(customer)
    if not points or allow_duplicate:
        return await store_contact_points(work, {customer.id: points})
    asked = _columns(contacts.all_forms(points))
    if work.is_retry:
        await work.execute(_LOCK, **asked)
        _reject_duplicates(customer, await work.fetch(_CANDIDATES, own_id=customer.id, kind=customer.kind, **asked))
        return await store_contact_points(work, {customer.id: points})
    kinds, normals = map(list, zip(*points, strict=True))
    await work.defer(_INSERT_IF_NEW, customer_id=customer.id, kinds=kinds, normals=normals, **asked)


def _columns(points: Sequence[contacts.ContactPoint]) -> dict[str, list[str]]:
    return {"asked_kinds": [kind for kind, _ in points], "asked_normals": [normal for _, normal in points]}


def _reject_duplicates(customer: tables.Customer, candidates: Sequence[Candidate]) -> None:
    own = likeness.traits_of(customer)
    found = []
    for candidate in candidates:
        evidence = likeness.compare(own, likeness.traits_of(candidate))
        if not likeness.contradicts(evidence):
            matched_by = sorted(item["attribute"] for item in evidence if item["points"] > 0)
            found.append((-likeness.total(evidence), candidate.id, matched_by))
    if found:
        shown = [{"customer_id": str(id), "matched_by": by} for _, id, by in sorted(found)[:MAX_CANDIDATES]]
        raise PossibleDuplicates(
            f"{len(found)} customers with the same contacts have no other name or birth date.", candidates=shown
        )


# The function locks the contact points, and looks with a snapshot of its own: of two requests at the same time, the
# second finds the customer of the first.
_INSERT_IF_NEW = Command(
    """
    insert into contact_point (customer_id, kind, normal)
    select :customer_id::uuid, kind, normal from unnest(:kinds::text[], :normals::text[]) as new(kind, normal)
    where (select are_new_contact_points(:customer_id::uuid, :asked_kinds::text[], :asked_normals::text[]))
    """
)
_LOCK = Command("select lock_contact_points(:asked_kinds::text[], :asked_normals::text[])")
_CANDIDATES = Query(
    Candidate,
    """
    with matching as (
        select distinct known.customer_id
        from unnest(:asked_kinds::text[], :asked_normals::text[]) as asked(kind, normal)
        cross join lateral (
            select customer_id from contact_point
            where contact_point.kind = asked.kind and normal = asked.normal and customer_id <> :own_id limit 100
        ) as known
    )
    select customer.id, customer.kind, given_name, family_name, name, emails, phones, addresses, birth_date, birthday
    from matching join customer on customer.id = matching.customer_id
    where customer.kind = :kind and merged_into is null and erased_at is null and archived_at is null
    """,
)
