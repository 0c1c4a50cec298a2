"""Relations: their events, the rules that need other relations, and the creation and removal of many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from chassis import NOT_AFTER, Command, FieldCode, Problem, Query, UnitOfWork, ValidationFailed, uuid7
from services.customers.people import tables
from services.customers.people.queries import CustomerEvent, reject_archived
from services.customers.people.queries.history import clear_history
from services.customers.people.rules.relations import KINDS, RelationKind, StoredKind, closes_cycle, orient

ONE_CUSTOMER = FieldCode("same_customer", "A customer cannot be related to itself.", "Send the id of another customer.")
NOT_A_PERSON = FieldCode(
    "not_a_person", "The kind of relation is for persons, and a customer is an organization.", "Send another kind."
)
Change = Literal["created", "updated", "deleted"]


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


@dataclass(frozen=True, slots=True)
class WantedRelation:
    """A relation to create. `kind` is what the related customer is to the customer."""

    customer_id: UUID
    related_customer_id: UUID
    kind: RelationKind
    role: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None


async def relate_many(work: UnitOfWork, wanted: Sequence[WantedRelation]) -> list[tables.Relation | Problem | None]:
    """Relate customers to others, by a few statements for all of them.

    Returns the relation of each, or the problem, or None if the customers have a relation of the kind already.
    """
    if not wanted:
        return []
    drafts = [_draft(work, each) for each in wanted]
    ids = sorted({id for draft in drafts for id in (draft.customer_id, draft.related_customer_id)})
    customers = {customer.id: customer for customer in await work.fetch(_CUSTOMERS, ids=ids)}
    for kind in sorted({draft.kind for draft in drafts}):
        await work.execute(LOCK_KIND, kind=kind)
    known = {_key(each) for each in await work.fetch(_RELATIONS, ids=ids)}
    chains = await _chains(work, drafts)
    results: list[tables.Relation | Problem | None] = []
    for draft in drafts:
        result = None if _key(draft) in known else _checked(draft, customers, chains[draft.kind])
        if isinstance(result, tables.Relation):
            known.add(_key(result))
        results.append(result)
    await _store(work, customers, [each for each in results if isinstance(each, tables.Relation)])
    return results


def _draft(work: UnitOfWork, wanted: WantedRelation) -> tables.Relation:
    start, end, kind = orient(wanted.customer_id, wanted.related_customer_id, wanted.kind)
    return tables.Relation(
        id=uuid7(),
        customer_id=start,
        related_customer_id=end,
        kind=kind,
        role=wanted.role,
        valid_from=wanted.valid_from,
        valid_to=wanted.valid_to,
        created_at=work.now,
        updated_at=work.now,
    )


def _key(relation: tables.Relation) -> tuple[UUID, UUID, StoredKind]:
    return relation.customer_id, relation.related_customer_id, relation.kind


async def _chains(work: UnitOfWork, drafts: Sequence[tables.Relation]) -> dict[StoredKind, list[tables.Relation]]:
    """Return the relations to which those of the drafts lead, for the kinds that must not have cycles."""
    chains: dict[StoredKind, list[tables.Relation]] = {draft.kind: [] for draft in drafts}
    for kind in sorted(chains):
        if KINDS[kind].acyclic:
            ends = sorted({draft.related_customer_id for draft in drafts if draft.kind == kind})
            chains[kind] += await work.fetch(_CHAINS, kind=kind, ids=ends)
    return chains


def _checked(
    draft: tables.Relation, customers: Mapping[UUID, tables.Customer], chain: list[tables.Relation]
) -> tables.Relation | Problem:
    """Return a relation that may be stored, which joins the chain, or the problem."""
    try:
        if draft.customer_id == draft.related_customer_id:
            raise ValidationFailed.field("/related_customer_id", ONE_CUSTOMER, "a customer cannot be related to itself")
        if draft.valid_from and draft.valid_to and draft.valid_to < draft.valid_from:
            raise ValidationFailed.field("/valid_to", NOT_AFTER, "must not be before valid_from")
        for id in (draft.customer_id, draft.related_customer_id):
            reject_archived(customers[id])
        reject_organizations(draft.kind, customers[draft.customer_id], customers[draft.related_customer_id])
        _reject_cycle(draft, chain)
    except Problem as problem:
        return problem
    chain.append(draft)
    return draft


async def _store(
    work: UnitOfWork, customers: Mapping[UUID, tables.Customer], relations: Sequence[tables.Relation]
) -> None:
    names = [name for name in tables.Relation.model_fields if name != "tenant_id"]
    await work.insert_many(tables.Relation, [{name: getattr(each, name) for name in names} for each in relations])
    for relation in relations:
        created = {name: [None, value] for name in _AUDITED if (value := getattr(relation, name)) is not None}
        work.audit("created", tables.Relation, relation.id, created)
        publish_change(work, relation, customers[relation.customer_id], "created")


async def unrelate_many(work: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Delete relations, with the values in their history."""
    relations = await work.fetch(_LOCK_RELATIONS, ids=list(ids))
    customers = await work.fetch(_CUSTOMERS, ids=sorted({each.customer_id for each in relations}))
    known = {customer.id: customer for customer in customers}
    for relation in relations:
        work.audit("deleted", tables.Relation, relation.id, {"kind": [relation.kind, None]})
        publish_change(work, relation, known[relation.customer_id], "deleted")
    await work.execute(_DELETE_RELATIONS, ids=[relation.id for relation in relations])
    await clear_history(work, tables.Relation, [relation.id for relation in relations])


def reject_organizations(kind: StoredKind, customer: tables.Customer, related: tables.Customer) -> None:
    """Raise ValidationFailed if a kind is for persons, and a customer is an organization."""
    ends = {"customer": customer, "related": related}
    if any(ends[end].kind != "person" for end in KINDS[kind].persons):
        raise ValidationFailed.field("/kind", NOT_A_PERSON, f"{kind} is a relation of persons")


async def reject_cycle(work: UnitOfWork, relation: tables.Relation) -> None:
    """Raise RelationCycle if a chain of relations of the kind leads from the related customer back to the customer."""
    chains = await _chains(work, [relation])
    _reject_cycle(relation, chains[relation.kind])


def _reject_cycle(relation: tables.Relation, chain: Sequence[tables.Relation]) -> None:
    rule = KINDS[relation.kind]
    if rule.acyclic and closes_cycle(relation, chain, rule):
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
_DELETE_RELATIONS = Command("delete from relation where id = any(:ids)")
_AUDITED = ("customer_id", "related_customer_id", "kind", "role", "valid_from", "valid_to")
_CHAINS = Query(
    tables.Relation,
    """
    with recursive reached (id) as (
        select unnest(:ids::uuid[])
        union
        select relation.related_customer_id from relation join reached on relation.customer_id = reached.id
        where relation.kind = :kind::text
    )
    select relation.* from relation join reached on relation.customer_id = reached.id where relation.kind = :kind::text
    """,
)
_CUSTOMERS = Query(tables.Customer, "select * from customer where id = any(:ids) order by id")
_RELATIONS = Query(tables.Relation, "select * from relation where customer_id = any(:ids)")
_LOCK_RELATIONS = Query(tables.Relation, "select * from relation where id = any(:ids) order by id for no key update")
