"""Relations: their events, the rules that need other relations, and the creation and removal of many at once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from chassis import Command, FieldCode, Problem, Query, UnitOfWork, ValidationFailed
from services.customers.people import tables
from services.customers.people.queries import CustomerEvent, reject_archived
from services.customers.people.rules.relations import KINDS, StoredKind, orient

ONE_CUSTOMER = FieldCode("same_customer", "A customer cannot be related to itself.", "Send the id of another customer.")
NOT_A_PERSON = FieldCode(
    "not_a_person", "The kind of relation is for persons, and a customer is an organization.", "Send another kind."
)
Change = Literal["created", "updated", "deleted"]
Pair = tuple[UUID, UUID, StoredKind]
"""A customer, the related customer, and what the other is to the customer."""


class RelationChanged(CustomerEvent, type="customers.relation_changed.v1", partition_key="customer_id"):
    """A relation between two customers was created, changed or deleted."""

    relation_id: UUID
    """The relation."""
    related_customer_id: UUID
    """The other customer: the guardian, the employer or the account, as the kind says."""
    kind: StoredKind
    """The kind, from the end of `customer_id`."""
    change: Change
    """What happened to the relation."""
    valid_from: date | None
    """The first day, or null if it is not known."""
    valid_to: date | None
    """The last day, or null if it has none."""
    changed_at: datetime
    """When it was changed."""


class RelationCycle(Problem, status=409):
    """The relation would close a cycle: the customer would be its own guardian, referrer or parent account.

    Delete a relation of the chain first, or send a period in which the chain is not valid.
    """


async def relate_many(work: UnitOfWork, pairs: Sequence[Pair]) -> list[tables.Relation | Problem | None]:
    """Relate customers to others. Returns the relation of each pair, or the problem, or None if it exists already."""
    ids = sorted({id for customer_id, related_id, _ in pairs for id in (customer_id, related_id)})
    customers = {customer.id: customer for customer in await work.fetch(_CUSTOMERS, ids=ids)}
    for kind in sorted({kind for _, _, kind in pairs}):
        await work.execute(LOCK_KIND, kind=kind)
    known = {(each.customer_id, each.related_customer_id, each.kind) for each in await work.fetch(_RELATIONS, ids=ids)}
    made: list[tables.Relation | Problem | None] = []
    for customer_id, related_id, kind in pairs:
        pair = orient(customer_id, related_id, kind)
        if pair in known:
            made.append(None)
            continue
        try:
            made.append(await _relate(work, customers, pair))
        except Problem as problem:
            made.append(problem)
            continue
        known.add(pair)
    return made


async def _relate(work: UnitOfWork, customers: dict[UUID, tables.Customer], pair: Pair) -> tables.Relation:
    start, end, kind = pair
    if start == end:
        raise ValidationFailed.field("/related_customer_id", ONE_CUSTOMER, "a customer cannot be related to itself")
    for id in (start, end):
        reject_archived(customers[id])
    reject_organizations(kind, customers[start], customers[end])
    relation = tables.Relation(customer_id=start, related_customer_id=end, kind=kind)
    await reject_cycle(work, relation)
    relation = await work.insert(relation)
    publish_change(work, relation, customers[start], "created")
    return relation


async def unrelate_many(work: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Delete relations."""
    relations = await work.fetch(_LOCK_RELATIONS, ids=list(ids))
    customers = await work.fetch(_CUSTOMERS, ids=sorted({each.customer_id for each in relations}))
    known = {customer.id: customer for customer in customers}
    for relation in relations:
        await work.execute(DELETE_RELATION, id=relation.id)
        work.audit("deleted", tables.Relation, relation.id, {"kind": [relation.kind, None]})
        publish_change(work, relation, known[relation.customer_id], "deleted")


def reject_organizations(kind: StoredKind, customer: tables.Customer, related: tables.Customer) -> None:
    """Raise ValidationFailed if a kind is for persons, and a customer is an organization."""
    ends = {"customer": customer, "related": related}
    if any(ends[end].kind != "person" for end in KINDS[kind].persons):
        raise ValidationFailed.field("/kind", NOT_A_PERSON, f"{kind} is a relation of persons")


async def reject_cycle(work: UnitOfWork, relation: tables.Relation) -> None:
    """Raise RelationCycle if a chain of relations of the kind leads from the related customer back to the customer."""
    rule = KINDS[relation.kind]
    if not rule.acyclic:
        return
    chain = await work.fetch(
        _CHAIN,
        own=relation.id,
        kind=relation.kind,
        customer_id=relation.customer_id,
        related_customer_id=relation.related_customer_id,
        always=rule.ignores_periods,
        valid_from=relation.valid_from,
        valid_to=relation.valid_to,
    )
    if chain:
        raise RelationCycle(f"A chain of {relation.kind} already leads from the related customer to this customer.")


def publish_change(work: UnitOfWork, relation: tables.Relation, customer: tables.Customer, change: Change) -> None:
    """Publish a change of a relation. `customer` is that at which it is stored."""
    work.publish(
        RelationChanged.from_row(
            relation, relation_id=relation.id, external_ids=customer.external_ids, change=change, changed_at=work.now
        )
    )


DELETE_RELATION = Command("delete from relation where id = :id")
# Of two concurrent requests for a kind, the second waits for the first, and then reads its relation.
LOCK_KIND = Command(
    "select pg_advisory_xact_lock("
    "hashtextextended('relation ' || :kind::text || ' ' || current_setting('app.tenant'), 0))"
)
_CHAIN = Query(
    UUID,
    """
    with recursive chain (id) as (
        select :related_customer_id::uuid
        union
        select relation.related_customer_id from relation join chain on relation.customer_id = chain.id
        where relation.kind = :kind::text and relation.id <> :own::uuid and (
            :always::boolean or (
                coalesce(relation.valid_from <= :valid_to::date, true)
                and coalesce(relation.valid_to >= :valid_from::date, true)
            )
        )
    )
    select id from chain where id = :customer_id::uuid
    """,
)
_CUSTOMERS = Query(tables.Customer, "select * from customer where id = any(:ids) order by id")
_RELATIONS = Query(tables.Relation, "select * from relation where customer_id = any(:ids)")
_LOCK_RELATIONS = Query(tables.Relation, "select * from relation where id = any(:ids) order by id for no key update")
