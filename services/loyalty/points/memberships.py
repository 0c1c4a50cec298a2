"""Memberships: the customers of a program. They join on request, or by a purchase if the program says so."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from chassis import (
    Feature,
    Page,
    PageParams,
    Problem,
    RequestBody,
    Resource,
    Upserted,
    ValidationFailed,
    Work,
    equals,
    paginate,
)
from services.loyalty.points import tables
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules.vocabulary import MembershipState

feature = Feature("memberships")


class EnrolmentNotOpen(Problem, status=409):
    """This program does not accept enrolment requests."""


class MembershipCreate(RequestBody):
    """A customer who wants to join a program."""

    program_id: UUID
    customer_id: UUID


class Membership(Resource, row=tables.Membership, computed=("tier",), etag="version"):
    """A customer's membership in a program."""

    id: UUID
    version: int
    program_id: UUID
    customer_id: UUID
    state: MembershipState
    joined_at: datetime
    tier: str | None


@feature.post("/memberships", scope="loyalty:write", raises=[EnrolmentNotOpen])
async def join_program(work: Work, body: MembershipCreate) -> Upserted[Membership]:
    """Make a customer a member. If the customer is already a member, return the existing membership with 200."""
    program = await work.find(tables.Program, id=body.program_id)
    if program is None:
        raise ValidationFailed.field("/program_id", "unknown", "the program does not exist")
    if program.enrolment not in ("open", "on_purchase") or program.state != "active":
        raise EnrolmentNotOpen(f"The program is {program.state} and its enrolment is {program.enrolment}.")
    existing = await work.find(tables.Membership, program_id=program.id, customer_id=body.customer_id, state="active")
    if existing is not None:
        return Upserted(_to_membership(existing), created=False)
    (row,) = await join(work, [Joining(program.id, body.customer_id, work.now)])
    return Upserted(_to_membership(row), created=True)


@feature.get("/memberships", scope="loyalty:read")
async def list_memberships(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Query(description="Only memberships of this customer.")] = None,
    program_id: Annotated[UUID | None, Query(description="Only memberships in this program.")] = None,
) -> Page[Membership]:
    """List memberships, oldest first."""
    where = equals(customer_id=customer_id, program_id=program_id)
    return await paginate(work, params, tables.Membership, _to_membership, where=where)


@feature.get("/memberships/{id:uuid}", scope="loyalty:read")
async def read_membership(work: Work, id: UUID) -> Membership:
    """Return a membership."""
    return _to_membership(await work.get(tables.Membership, id))


def _to_membership(row: tables.Membership) -> Membership:
    return Membership.from_row(row, tier=None)
