"""Ended relationships: a customer leaves, or the tenant ends the relationship, each time with a reason.

The reasons are what an analysis of defections is based on, so each end has one. A tenant may add reasons of its own.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Feature,
    FieldCode,
    Fields,
    IfMatch,
    Instant,
    Line,
    MultilineText,
    Page,
    PageParams,
    Problem,
    Reference,
    RequestBody,
    Resource,
    TimeRange,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    equals,
    paginate,
    reject_future,
    time_range,
)
from services.customers.lifecycle import tables
from services.customers.lifecycle.queries import (
    RelationshipResumed,
    change_state,
    find_end_in_force,
    insert_end,
)
from services.customers.lifecycle.rules import END_REASONS, REASON_PATTERN
from services.customers.people.queries import CustomerArchived, reject_archived
from services.customers.people.rules.stages import Lifecycle
from services.customers.people.tables import Customer

feature = Feature("relationship-ends")
Sort = Literal["ended_at", "-ended_at"]
Reason = Annotated[str, Field(min_length=1, max_length=50, pattern=REASON_PATTERN, examples=["price"])]
UNKNOWN_REASON = FieldCode(
    "unknown_end_reason",
    "The tenant does not have this reason.",
    "Send a reason that every tenant has, or add it with `POST /v1/end-reasons`.",
)


class RelationshipNotEnded(Problem, status=409):
    """The relationship with the customer has not ended, so it cannot be resumed.

    Only a customer in the state `ended` can be resumed.
    """


class EndReasonExists(Problem, status=409):
    """This reason exists already.

    Every tenant has the usual reasons, so only others need to be added.
    """


class EndReasonCreate(RequestBody):
    """A reason of your own for which relationships end."""

    example = {"reason": "bankruptcy", "description": "The company was wound up."}

    reason: Reason
    """The name of the reason, by which it is sent and filtered."""
    description: Line | None = None
    """The meaning of the reason."""


class AddedEndReason(Resource, row=tables.AddedEndReason):
    """A reason of your own for which relationships end."""

    id: UUID
    """Identifies the reason."""
    reason: str
    """The name of the reason."""
    description: str | None
    """The meaning of the reason."""
    created_at: datetime
    """When it was added."""


class RelationshipEndFields(Fields):
    """The fields of an end that a request may set."""

    competitor: Line | None = None
    """The competitor to whom the customer goes."""
    note: MultilineText | None = None
    """What the customer said, or further details."""


class RelationshipEndCreate(RelationshipEndFields, RequestBody):
    """The end of a relationship with a customer, and its reason."""

    example = {"reason": "competitor", "competitor": "Other Tea", "note": "They deliver on Sundays."}

    reason: Reason
    """The reason: one that every tenant has (`price`, `product`, `service`, `competitor`, `moved`, `no_need`,
    `ended_by_us`, `unknown`), or one of your own."""
    ended_at: Instant | None = None
    """When the relationship ended. Default: now."""


class RelationshipEnd(RelationshipEndFields, Resource, row=tables.RelationshipEnd, etag="version"):
    """The end of a relationship with a customer, and its reason."""

    id: UUID
    """Identifies the end."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer."""
    reason: str
    """The reason."""
    ended_at: datetime
    """When the relationship ended."""
    previous_lifecycle: Lifecycle
    """The stage of the relationship before."""
    actor: str
    """The principal that recorded the end: `key:<id>` for an API key."""
    resumed_at: datetime | None
    """When the relationship was resumed, or null."""
    resumed_by: str | None
    """The principal that resumed it, or null."""
    created_at: datetime
    """When the end was recorded."""
    updated_at: datetime
    """When it last changed."""


class RelationshipAlreadyEnded(Problem, status=409):
    """The relationship with the customer has ended already.

    `relationship_end_id` is its end. Resume the relationship first to end it again.
    """


@feature.post("/end-reasons", scope="customers:write", status_code=201, raises=[EndReasonExists])
async def create_end_reason(work: Work, body: EndReasonCreate) -> AddedEndReason:
    """Add a reason of your own for which relationships end."""
    if body.reason in END_REASONS or await work.find(tables.AddedEndReason, reason=body.reason) is not None:
        raise EndReasonExists(f"The reason {body.reason} exists.")
    row = tables.AddedEndReason(reason=body.reason, description=body.description, created_at=work.now)
    return AddedEndReason.from_row(await work.insert(row))


@feature.get("/end-reasons", scope="customers:read")
async def list_end_reasons(work: Work, params: PageParams) -> Page[AddedEndReason]:
    """List the reasons that you have added. Those that every tenant has are not listed."""
    return await paginate(work, params, tables.AddedEndReason, AddedEndReason)


@feature.get("/relationship-ends", scope="customers:read")
async def list_relationship_ends(
    work: Work,
    params: PageParams,
    ended_at: Annotated[TimeRange, Depends(time_range("ended_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only those of this customer.")] = None,
    reason: Annotated[list[Reference] | None, Parameter(max_length=50, description="Any of these reasons.")] = None,
    resumed: Annotated[
        bool | None, Parameter(description="Only those that were resumed, or only those in force.")
    ] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-ended_at",
) -> Page[RelationshipEnd]:
    """List ended relationships by reason and time, the latest end first."""
    reasons = reason[0] if reason and len(reason) == 1 else reason
    where = [*equals(customer_id=customer_id, reason=reasons), *ended_at.filters]
    if resumed is not None:
        where.append(condition("(resumed_at is not null) = :resumed", resumed=resumed))
    return await paginate(work, params, tables.RelationshipEnd, RelationshipEnd, sort=sort, where=where)


@feature.post(
    "/customers/{id:uuid}/end-relationship",
    scope="customers:write",
    status_code=201,
    raises=[CustomerArchived, RelationshipAlreadyEnded, VersionMismatch],
)
async def end_relationship(work: Work, id: UUID, body: RelationshipEndCreate, if_match: IfMatch) -> RelationshipEnd:
    """End the relationship with a customer, for a reason. The customer's state becomes `ended`.

    The stage becomes `former`, except for a prospect. An ended customer may not be contacted. `If-Match` compares the
    version of the customer.
    """
    customer = await work.get(Customer, id, for_update=True)
    work.check_version(customer, if_match)
    reject_archived(customer)
    existing = await find_end_in_force(work, customer.id)
    if existing is not None:
        raise RelationshipAlreadyEnded(relationship_end_id=str(existing.id))
    if body.reason not in END_REASONS and await work.find(tables.AddedEndReason, reason=body.reason) is None:
        raise ValidationFailed.field("/reason", UNKNOWN_REASON, f"the reason {body.reason} does not exist")
    ended_at = body.ended_at or work.now
    reject_future(work, ended_at, "/ended_at")
    row = await insert_end(
        work, customer, reason=body.reason, ended_at=ended_at, competitor=body.competitor, note=body.note
    )
    return RelationshipEnd.from_row(row)


@feature.post(
    "/customers/{id:uuid}/resume-relationship",
    scope="customers:write",
    raises=[CustomerArchived, RelationshipNotEnded, VersionMismatch],
)
async def resume_relationship(work: Work, id: UUID, if_match: IfMatch) -> RelationshipEnd:
    """Resume the relationship with a customer: the state becomes `active`, and the stage what it was before.

    `If-Match` compares the version of the customer.
    """
    customer = await work.get(Customer, id, for_update=True)
    work.check_version(customer, if_match)
    reject_archived(customer)
    end = await find_end_in_force(work, customer.id)
    if end is None:
        raise RelationshipNotEnded(f"The state of the customer is {customer.state}.")
    end = await work.update(end, resumed_at=work.now, resumed_by=work.actor)
    await change_state(work, customer, state="active", lifecycle=end.previous_lifecycle)
    work.publish(
        RelationshipResumed.from_row(
            end, relationship_end_id=end.id, external_ids=customer.external_ids, lifecycle=end.previous_lifecycle
        )
    )
    return RelationshipEnd.from_row(end)
