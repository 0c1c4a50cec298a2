"""Relations: how customers belong together, such as the contacts of an account, a household, referrers and guardians.

A relation is stored once and read from both ends: a `contact` of an account has the account as its `account`.
"""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Query as Parameter
from pydantic import Field, model_validator

from chassis import (
    NOT_AFTER,
    UNKNOWN_RECORD,
    Command,
    Day,
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    Line,
    MergePatch,
    NotFound,
    Page,
    PageParams,
    Problem,
    Query,
    RequestBody,
    Resource,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    equals,
    invalid,
    paginate,
)
from services.customers.people import tables
from services.customers.people.queries import CustomerArchived, CustomerEvent, reject_archived
from services.customers.people.rules.relations import KINDS, RelationKind, StoredKind, orient

feature = Feature("relations")
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


class RelationExists(Problem, status=409):
    """The customers already have a relation of this kind.

    `relation_id` is the relation. Change it instead.
    """


class RelationCycle(Problem, status=409):
    """The relation would close a cycle: the customer would be its own guardian, referrer or parent account.

    Delete a relation of the chain first, or send a period in which the chain is not valid.
    """


class RelationFields(Fields):
    """The fields of a relation that may change."""

    role: Annotated[Line, Field(examples=["buyer"])] | None = None
    """The role of the customer in the relation, such as that of a contact."""
    valid_from: Day | None = None
    """The first day of the relation."""
    valid_to: Day | None = None
    """The last day of the relation."""


class RelationCreate(RelationFields, RequestBody):
    """A relation to create."""

    example = {"kind": "employer", "related_customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002", "role": "engineer"}

    related_customer_id: UUID
    """The other customer."""
    kind: RelationKind
    """What the other customer is to this customer."""

    @model_validator(mode="after")
    def _require_period(self) -> Self:
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise _empty_period()
        return self


class RelationUpdate(RelationFields, MergePatch):
    """A JSON Merge Patch of a relation: null clears a field."""

    example = {"role": "head of engineering", "valid_to": None}


class Relation(RelationFields, Resource, row=tables.RelationEnd, etag="version"):
    """A relation as a customer reads it."""

    id: UUID
    """Identifies the relation, from both ends."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    related_customer_id: UUID
    """The other customer."""
    kind: RelationKind
    """What the other customer is to this customer."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


@feature.post(
    "/customers/{id:uuid}/relations",
    scope="customers:write",
    status_code=201,
    raises=[CustomerArchived, RelationCycle, RelationExists],
)
async def create_relation(work: Work, id: UUID, body: RelationCreate) -> Relation:
    """Relate a customer to another. `kind` says what the other is to this customer: its guardian, employer or contact.

    The other customer reads the same relation by the inverse kind.
    """
    customer = await work.get(tables.Customer, id, for_update=True)
    related = await _related(work, customer, body.related_customer_id)
    reject_archived(customer)
    reject_archived(related)
    start, end, kind = orient(customer.id, related.id, body.kind)
    ends = {customer.id: customer, related.id: related}
    _reject_organizations(kind, ends[start], ends[end])
    await work.execute(_LOCK_KIND, kind=kind)
    existing = await work.find(tables.Relation, customer_id=start, related_customer_id=end, kind=kind)
    if existing is not None:
        raise RelationExists(relation_id=str(existing.id))
    values = body.model_dump(include=set(RelationFields.model_fields))
    relation = tables.Relation(**values, customer_id=start, related_customer_id=end, kind=kind)
    await _reject_cycle(work, relation)
    relation = await work.insert(relation)
    _publish(work, relation, ends[start], "created")
    return _from_end(relation, customer.id, body.kind)


@feature.get("/customers/{id:uuid}/relations", scope="customers:read")
async def list_relations(
    work: Work,
    id: UUID,
    params: PageParams,
    kind: Annotated[list[RelationKind] | None, Parameter(description="Any of these kinds.")] = None,
    valid_on: Annotated[Day | None, Parameter(description="Relations that are valid on this day.")] = None,
) -> Page[Relation]:
    """List the relations of a customer from both ends, in the order in which they were created."""
    customer = await work.get(tables.Customer, id)
    where = equals(customer_id=customer.id, kind=kind)
    if valid_on is not None:
        where.append(condition("coalesce(valid_from <= :day, true) and coalesce(valid_to >= :day, true)", day=valid_on))
    return await paginate(work, params, tables.relation_end, Relation, where=where)


@feature.get("/relations/{id:uuid}", scope="customers:read")
async def read_relation(work: Work, id: UUID) -> Relation:
    """Return a relation, from the end at which it is stored: that of the contact, the ward or the employee."""
    return Relation.from_row(await work.get(tables.Relation, id))


@feature.patch("/relations/{id:uuid}", scope="customers:write", raises=[RelationCycle, VersionMismatch])
async def update_relation(work: Work, id: UUID, body: RelationUpdate, if_match: IfMatch) -> Relation:
    """Change the role or the period of a relation. To change its kind, delete it and create another."""
    before = await work.get(tables.Relation, id, for_update=True)
    work.check_version(before, if_match)
    changed = before.replace(**body.changes())
    if changed.valid_from and changed.valid_to and changed.valid_to < changed.valid_from:
        raise ValidationFailed.field("/valid_to", NOT_AFTER, "must not be before valid_from")
    if (changed.valid_from, changed.valid_to) != (before.valid_from, before.valid_to):
        await work.execute(_LOCK_KIND, kind=before.kind)
        await _reject_cycle(work, changed)
    relation = await work.update(before, **body.changes())
    if relation is not before:
        _publish(work, relation, await work.get(tables.Customer, relation.customer_id), "updated")
    return Relation.from_row(relation)


@feature.delete("/relations/{id:uuid}", scope="customers:write", status_code=204, raises=[VersionMismatch])
async def delete_relation(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete a relation, for both customers. If it has ended, set its last day instead."""
    relation = await work.get(tables.Relation, id, for_update=True)
    work.check_version(relation, if_match)
    await work.execute(_DELETE, id=relation.id)
    work.audit("deleted", tables.Relation, relation.id, {"kind": [relation.kind, None]})
    _publish(work, relation, await work.get(tables.Customer, relation.customer_id), "deleted")


async def _related(work: UnitOfWork, customer: tables.Customer, id: UUID) -> tables.Customer:
    try:
        related = await work.get(tables.Customer, id)
    except NotFound:
        raise ValidationFailed.field("/related_customer_id", UNKNOWN_RECORD, "the customer does not exist") from None
    if related.id == customer.id:
        raise ValidationFailed.field("/related_customer_id", ONE_CUSTOMER, "a customer cannot be related to itself")
    return related


def _reject_organizations(kind: StoredKind, customer: tables.Customer, related: tables.Customer) -> None:
    ends = {"customer": customer, "related": related}
    if any(ends[end].kind != "person" for end in KINDS[kind].persons):
        raise ValidationFailed.field("/kind", NOT_A_PERSON, f"{kind} is a relation of persons")


async def _reject_cycle(work: UnitOfWork, relation: tables.Relation) -> None:
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


def _publish(work: UnitOfWork, relation: tables.Relation, customer: tables.Customer, change: Change) -> None:
    work.publish(
        RelationChanged.from_row(
            relation, relation_id=relation.id, external_ids=customer.external_ids, change=change, changed_at=work.now
        )
    )


def _from_end(relation: tables.Relation, customer_id: UUID, kind: str) -> Relation:
    related_customer_id = relation.related_customer_id if customer_id == relation.customer_id else relation.customer_id
    return Relation.from_row(relation, customer_id=customer_id, related_customer_id=related_customer_id, kind=kind)


def _empty_period() -> ValueError:
    return invalid(NOT_AFTER, "valid_to must not be before valid_from")


_DELETE = Command("delete from relation where id = :id")
# Of two concurrent requests for a kind, the second waits for the first, and then reads its relation.
_LOCK_KIND = Command(
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
