"""Relations: how customers belong together, such as the contacts of an account, a household, referrers and guardians.

A relation is stored once and read from both ends: a `contact` of an account has the account as its `account`.
"""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query as Parameter
from pydantic import Field, model_validator

from chassis import (
    NOT_AFTER,
    UNKNOWN_RECORD,
    Day,
    Feature,
    Fields,
    IfMatch,
    Line,
    MergePatch,
    NotFound,
    Page,
    PageParams,
    Problem,
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
from services.customers.people.queries import CustomerArchived, reject_archived
from services.customers.people.queries.relations import (
    DELETE_RELATION,
    LOCK_KIND,
    ONE_CUSTOMER,
    RelationCycle,
    publish_change,
    reject_cycle,
    reject_organizations,
)
from services.customers.people.rules.relations import RelationKind, orient

feature = Feature("relations")


class RelationExists(Problem, status=409):
    """The customers already have a relation of this kind.

    `relation_id` is the relation. Change it instead.
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
    reject_organizations(kind, ends[start], ends[end])
    await work.execute(LOCK_KIND, kind=kind)
    existing = await work.find(tables.Relation, customer_id=start, related_customer_id=end, kind=kind)
    if existing is not None:
        raise RelationExists(relation_id=str(existing.id))
    values = body.model_dump(include=set(RelationFields.model_fields))
    relation = tables.Relation(**values, customer_id=start, related_customer_id=end, kind=kind)
    await reject_cycle(work, relation)
    relation = await work.insert(relation)
    publish_change(work, relation, ends[start], "created")
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
        await work.execute(LOCK_KIND, kind=before.kind)
        await reject_cycle(work, changed)
    relation = await work.update(before, **body.changes())
    if relation is not before:
        publish_change(work, relation, await work.get(tables.Customer, relation.customer_id), "updated")
    return Relation.from_row(relation)


@feature.delete("/relations/{id:uuid}", scope="customers:write", status_code=204, raises=[VersionMismatch])
async def delete_relation(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete a relation, for both customers. If it has ended, set its last day instead."""
    relation = await work.get(tables.Relation, id, for_update=True)
    work.check_version(relation, if_match)
    await work.execute(DELETE_RELATION, id=relation.id)
    work.audit("deleted", tables.Relation, relation.id, {"kind": [relation.kind, None]})
    publish_change(work, relation, await work.get(tables.Customer, relation.customer_id), "deleted")


async def _related(work: UnitOfWork, customer: tables.Customer, id: UUID) -> tables.Customer:
    try:
        related = await work.get(tables.Customer, id)
    except NotFound:
        raise ValidationFailed.field("/related_customer_id", UNKNOWN_RECORD, "the customer does not exist") from None
    if related.id == customer.id:
        raise ValidationFailed.field("/related_customer_id", ONE_CUSTOMER, "a customer cannot be related to itself")
    return related


def _from_end(relation: tables.Relation, customer_id: UUID, kind: str) -> Relation:
    related_customer_id = relation.related_customer_id if customer_id == relation.customer_id else relation.customer_id
    return Relation.from_row(relation, customer_id=customer_id, related_customer_id=related_customer_id, kind=kind)


def _empty_period() -> ValueError:
    return invalid(NOT_AFTER, "valid_to must not be before valid_from")
