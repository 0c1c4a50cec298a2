"""Memberships: who takes part in a program. One joins by asking, or by buying where the program says so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel

from chassis import Feature, Invalid, Page, Paged, Problem, Wire, Work, page, shown
from services.loyalty.model import Membership as Row
from services.loyalty.model import Program
from services.loyalty.operations import join

feature = Feature("memberships")


class NotOpen(Problem, status=409):
    """One does not join this program by asking."""


class NewMembership(Wire):
    """Somebody who wants to join."""

    program_id: UUID
    customer_id: UUID


class Membership(BaseModel):
    """A customer's part in a program."""

    id: UUID
    version: int
    program_id: UUID
    customer_id: UUID
    state: Literal["active", "left"]
    joined_at: datetime
    tier: str | None


@feature.post("/memberships", scope="loyalty:write", status_code=201, refuses=[NotOpen], repeatable=True)
async def join_program(work: Work, wanted: NewMembership, response: Response) -> Membership:
    """Makes a customer a member; one who is already gets 200 and the membership that stands."""
    program = await work.find(Program, id=wanted.program_id)
    if program is None:
        raise Invalid.field("/program_id", "unknown", "there is no such program")
    if program.enrolment not in ("open", "on_purchase") or program.state != "active":
        raise NotOpen(f"This program is {program.state} and its enrolment is {program.enrolment}.")
    standing = await work.find(Row, program_id=program.id, customer_id=wanted.customer_id, state="active")
    if standing is not None:
        response.status_code = 200
        return membership_of(vars(standing))
    (row,) = await join(work, [(program.id, wanted.customer_id, work.now)])
    return membership_of(vars(row))


@feature.get("/memberships", scope="loyalty:read")
async def list_memberships(
    work: Work,
    paging: Paged,
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
    program_id: Annotated[UUID | None, Query(description="Only this program's.")] = None,
) -> Page[Membership]:
    """Memberships, oldest first."""
    return await page(work, paging, Row, membership_of, where={"customer_id": customer_id, "program_id": program_id})


@feature.get("/memberships/{id:uuid}", scope="loyalty:read")
async def read_membership(work: Work, id: UUID) -> Membership:
    """One membership."""
    return membership_of(vars(await work.get(Row, id)))


def membership_of(row: Mapping[str, Any]) -> Membership:
    """The membership as it is shown."""
    return shown(Membership, row, tier=None)
