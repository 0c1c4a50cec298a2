"""Programs: what customers can be members of, and the rules by which points are earned in them.

A rule is never changed: a change is a new version that holds from a moment on, so that whatever was earned can still
be explained, and undone, by the version it was earned under.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from chassis import (
    Currency,
    Feature,
    Instant,
    Invalid,
    Line,
    NotFound,
    Page,
    Paged,
    Problem,
    Timezone,
    WholeNumber,
    Wire,
    Work,
    page,
    shown,
    uuid7,
)
from chassis.money import AMOUNT_PATTERN, minor_from_text, text_from_minor
from services.loyalty.model import EarningRule as RuleRow
from services.loyalty.model import Program as Row

feature = Feature("programs")


class ProgramClosed(Problem, status=409):
    """The program is closed: nothing of it can be changed."""


Kind = Literal["frequency", "club", "agent"]
Enrolment = Literal["open", "on_purchase", "invitation", "fee"]
RefundPolicy = Literal["debt", "within_balance", "only_pending"]
ExpiryPolicy = Literal["none", "rolling_months"]


class NewProgram(Wire):
    """A program to be set up."""

    name: Line
    kind: Kind
    currency: Currency
    timezone: Timezone
    enrolment: Enrolment
    refund_policy: RefundPolicy = "debt"
    pending_days: Annotated[
        WholeNumber, Field(ge=0, le=365, description="for how many days after a purchase its points cannot be spent")
    ] = 0
    expiry_policy: ExpiryPolicy = "none"
    expiry_months: Annotated[
        WholeNumber | None,
        Field(ge=1, le=120, description="with `rolling_months`: for how many months points can be spent"),
    ] = None

    @model_validator(mode="after")
    def _months_go_with_their_policy(self) -> Self:
        if (self.expiry_policy == "rolling_months") != (self.expiry_months is not None):
            raise ValueError("expiry_months goes with the expiry policy rolling_months, and only with it")
        return self


class Program(BaseModel):
    """A program."""

    id: UUID
    version: int
    name: str
    kind: Kind
    currency: str
    timezone: str
    enrolment: Enrolment
    refund_policy: RefundPolicy
    pending_days: int
    expiry_policy: ExpiryPolicy
    expiry_months: int | None
    state: Literal["active", "closed"]
    created_at: datetime
    updated_at: datetime


class RuleTerms(Wire):
    """What a rule grants: `points` for each full `per`, floored once an order."""

    points: Annotated[WholeNumber, Field(ge=1, le=1_000_000_000)]
    per: Annotated[str, Field(pattern=AMOUNT_PATTERN, examples=["1.00"], description="in the program's currency")]
    valid_from: Instant | None = None


class NewEarningRule(RuleTerms):
    """A rule to be set up. It holds for purchases made in [valid_from, valid_to); without them, always."""

    kind: Literal["per_amount"]
    valid_to: Instant | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_from must lie before valid_to")
        return self


class EarningRule(BaseModel):
    """One version of a rule."""

    id: UUID
    version: int
    program_id: UUID
    kind: Literal["per_amount"]
    points: int
    per: str
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime


@feature.post("/programs", scope="loyalty:configure", status_code=201)
async def create_program(work: Work, wanted: NewProgram) -> Program:
    """Sets up a program. It earns nothing until it has a rule."""
    row = Row(**wanted.model_dump(exclude={"expiry_policy"}))
    await work.insert(row)
    return program_of(vars(row))


@feature.get("/programs", scope="loyalty:read")
async def list_programs(work: Work, paging: Paged) -> Page[Program]:
    """The tenant's programs, oldest first."""
    return await page(work, paging, Row, program_of)


@feature.get("/programs/{id:uuid}", scope="loyalty:read")
async def read_program(work: Work, id: UUID) -> Program:
    """One program."""
    return program_of(vars(await work.get(Row, id)))


@feature.post("/programs/{id:uuid}/earning-rules", scope="loyalty:configure", status_code=201, refuses=[ProgramClosed])
async def create_earning_rule(work: Work, id: UUID, wanted: NewEarningRule) -> EarningRule:
    """Sets up a rule. Several rules of a program each grant their own points."""
    program = await _open_program(work, id)
    rule_id = uuid7()
    row = RuleRow(
        id=rule_id,
        rule_id=rule_id,
        version=1,
        program_id=id,
        kind=wanted.kind,
        points=wanted.points,
        per_minor=_per_minor(wanted.per, program.currency),
        valid_from=wanted.valid_from,
        valid_to=wanted.valid_to,
        created_at=work.now,
    )
    await work.insert(row)
    return rule_of(vars(row), program.currency)


@feature.get("/programs/{id:uuid}/earning-rules", scope="loyalty:read")
async def list_earning_rules(work: Work, id: UUID, paging: Paged) -> Page[EarningRule]:
    """Every version of every rule of a program."""
    program = await work.get(Row, id)
    return await page(work, paging, RuleRow, lambda row: rule_of(row, program.currency), where={"program_id": id})


@feature.post(
    "/programs/{id:uuid}/earning-rules/{rule_id:uuid}/versions",
    scope="loyalty:configure",
    status_code=201,
    refuses=[ProgramClosed],
)
async def replace_earning_rule(work: Work, id: UUID, rule_id: UUID, terms: RuleTerms) -> EarningRule:
    """Changes a rule from a moment on (now, when none is named).

    Purchases made before it keep the version that held then, also when they arrive late.
    """
    program = await _open_program(work, id)
    versions = await work.all(RuleRow, program_id=id, rule_id=rule_id, order_by="version")
    if not versions:
        raise NotFound
    newest = versions[-1]
    begins = terms.valid_from or work.now
    if newest.valid_from is not None and begins <= newest.valid_from:
        raise Invalid.field("/valid_from", "too_early", "a newer version must begin after the one that it replaces")
    if newest.valid_to is not None and begins >= newest.valid_to:
        raise Invalid.field("/valid_from", "too_late", "the rule has ended by then")
    row = RuleRow(
        rule_id=rule_id,
        version=newest.version + 1,
        program_id=id,
        kind=newest.kind,
        points=terms.points,
        per_minor=_per_minor(terms.per, program.currency),
        valid_from=begins,
        valid_to=newest.valid_to,
        created_at=work.now,
    )
    await work.update(newest, valid_to=begins)
    await work.insert(row)
    return rule_of(vars(row), program.currency)


async def _open_program(work: Work, id: UUID) -> Row:
    """The program, locked: changes of its rules come one after the other."""
    program = await work.get(Row, id, lock=True)
    if program.state != "active":
        raise ProgramClosed
    return program


def _per_minor(per: str, currency: str) -> int:
    try:
        minor = minor_from_text(per, currency)
    except ValueError as error:
        raise Invalid.field("/per", "not_an_amount", str(error)) from None
    if minor <= 0:
        raise Invalid.field("/per", "not_positive", "the amount must be more than nothing")
    return minor


def program_of(row: Mapping[str, Any]) -> Program:
    """The program as it is shown."""
    return shown(Program, row, expiry_policy="rolling_months" if row["expiry_months"] else "none")


def rule_of(row: Mapping[str, Any], currency: str) -> EarningRule:
    """A version of a rule as it is shown."""
    return shown(EarningRule, row, id=row["rule_id"], per=text_from_minor(row["per_minor"], currency))
