"""Memberships: the customers of a program. They join on request, or by a purchase if the program says so."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import Field

from chassis import (
    UNKNOWN_RECORD,
    Feature,
    Owned,
    Page,
    PageParams,
    PersonErased,
    Problem,
    RequestBody,
    Resource,
    Upserted,
    ValidationFailed,
    Work,
    condition,
    current_person,
    equals,
    of_person,
    paginate,
    reject_erased,
)
from services.loyalty.points import tables
from services.loyalty.points.queries.accounts import read_accounts
from services.loyalty.points.queries.memberships import Joining, join
from services.loyalty.points.rules.account import JOINED_VERSION, Account
from services.loyalty.points.rules.vocabulary import MembershipState

feature = Feature("memberships")
Sort = Literal["joined_at", "-joined_at"]


class EnrolmentNotOpen(Problem, status=409):
    """This program does not accept enrolment requests.

    `detail` says why. Members join it by invitation or for a fee, or the program is closed.
    """


class MembershipCreate(RequestBody):
    """A customer who wants to join a program."""

    example = {
        "program_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120003",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
    }

    program_id: UUID
    """The program to join."""
    customer_id: Annotated[UUID, Field(description="Not verified: events of new customers take a moment to arrive.")]


class MembershipBalance(Resource, row=Account):
    """A member's points now."""

    version: int = Field(description="Version of the membership's last event that the points include.")
    pending: int
    """Points that cannot be spent yet."""
    available: int
    """Points that can be spent."""
    reserved: int
    """Points that are held for redemptions."""
    debt: int
    """Points that the member owes."""


class Membership(Resource, row=tables.Membership, computed=("tier", "balance")):
    """A customer's membership in a program, and its points now.

    It has no ETag: the version of the membership does not change with its points.
    """

    id: UUID
    """Identifies the membership."""
    version: int
    """Counts the changes of the membership, but not those of its points."""
    program_id: UUID
    """The program."""
    customer_id: UUID
    """The customer."""
    state: MembershipState
    """A member, a former member, or merged: another membership of the customer has the points."""
    joined_at: datetime
    """When the customer joined."""
    merged_into: UUID | None
    """Set if the id that was requested is of a merged membership: the one that answers for it, which is this one."""
    tier: str | None
    """Not used yet: always null."""
    balance: MembershipBalance
    """The member's points now."""


@feature.post("/memberships", scope="loyalty:write", raises=[EnrolmentNotOpen, PersonErased], owner="customer_id")
async def join_program(work: Work, body: MembershipCreate) -> Upserted[Membership]:
    """Make a customer a member. If the customer is already a member, return the existing membership with 200."""
    program = await work.find(tables.Program, id=body.program_id)
    if program is None:
        raise ValidationFailed.field("/program_id", UNKNOWN_RECORD, "the program does not exist")
    if program.enrolment not in ("open", "on_purchase") or program.state != "active":
        raise EnrolmentNotOpen(f"The program is {program.state} and its enrolment is {program.enrolment}.")
    customer_id = await current_person(work, body.customer_id)
    existing = await work.find(tables.Membership, program_id=program.id, customer_id=customer_id, state="active")
    if existing is not None:
        return Upserted(await _with_balance(work, existing), created=False)
    await reject_erased(work, body.customer_id)
    (row,) = await join(work, [Joining(program.id, customer_id, work.now)])
    return Upserted(_to_membership(row, Account(row.id, JOINED_VERSION)), created=True)


@feature.get("/memberships", scope="loyalty:read", owner="customer_id")
async def list_memberships(
    work: Work,
    params: PageParams,
    customer_id: Annotated[UUID | None, Query(description="Only memberships of this customer.")] = None,
    program_id: Annotated[UUID | None, Query(description="Only memberships in this program.")] = None,
    state: Annotated[MembershipState | None, Query(description="Only memberships in this state.")] = None,
    sort: Annotated[Sort, Query(description="Sort field; prefix with `-` for descending.")] = "joined_at",
) -> Page[Membership]:
    """List memberships, each with its points now."""
    where = [*of_person(customer_id), *equals(program_id=program_id, state=state)]
    if state is None:
        where.append(condition("merged_into is null"))
    page = await paginate(work, params, tables.Membership, _as_stored, sort=sort, where=where)
    accounts = await read_accounts(work, [row.id for row in page.items])
    items = [_to_membership(row, accounts[row.id]) for row in page.items]
    return Page.model_construct(items=items, next_cursor=page.next_cursor)


@feature.get("/memberships/{id:uuid}", scope="loyalty:read", owner=Owned(tables.Membership, "customer_id"))
async def read_membership(work: Work, id: UUID) -> Membership:
    """Return a membership with its points now."""
    row = await work.get(tables.Membership, id)
    return await _with_balance(work, row)


def _as_stored(row: tables.Membership) -> tables.Membership:
    return row


async def _with_balance(work: Work, row: tables.Membership) -> Membership:
    accounts = await read_accounts(work, [row.id])
    return _to_membership(row, accounts[row.id])


def _to_membership(row: tables.Membership, account: Account) -> Membership:
    return Membership.from_row(row, tier=None, balance=MembershipBalance.from_row(account))
