"""The operations on programs and their earning rules."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from chassis import (
    POSITIVE_AMOUNT_PATTERN,
    TOO_SMALL,
    Amount,
    Count,
    CurrentCurrency,
    Feature,
    FieldCode,
    Fields,
    Instant,
    Line,
    Money,
    NotFound,
    Page,
    PageParams,
    RequestBody,
    Resource,
    Timezone,
    ValidationFailed,
    Work,
    code_of,
    equals,
    minor_from_text,
    paginate,
    text_from_minor,
    uuid7,
)
from services.loyalty.points import tables
from services.loyalty.points.programs.events import (
    EarningRuleCreated,
    EarningRuleReplaced,
    ProgramClosed,
    ProgramCreated,
    RuleEvent,
)
from services.loyalty.points.rules.vocabulary import (
    EarningRuleKind,
    Enrolment,
    ExpiryPolicy,
    ProgramKind,
    ProgramState,
    RefundPolicy,
    Rounding,
)

feature = Feature("programs")


TOO_EARLY = FieldCode(
    "too_early",
    "A version of a rule does not begin after the version that it replaces.",
    "Send a later `valid_from`.",
)
TOO_LATE = FieldCode(
    "too_late", "A version of a rule begins after the rule has ended.", "Send an earlier `valid_from`."
)


class ProgramCreate(RequestBody):
    """A program to create."""

    example = {
        "name": "Tea club",
        "kind": "frequency",
        "currency": "EUR",
        "timezone": "Europe/Amsterdam",
        "enrolment": "on_purchase",
        "pending_days": 14,
        "expiry_policy": "rolling_months",
        "expiry_months": 24,
    }

    name: Line
    """The name of the program."""
    kind: ProgramKind
    """The kind of program."""
    currency: CurrentCurrency
    """The currency in which purchases earn points."""
    timezone: Timezone
    """The time zone of its days: a name of the IANA database."""
    enrolment: Enrolment
    """How customers become members: on request, with their first purchase, by invitation, or for a fee."""
    refund_policy: RefundPolicy = "debt"
    """The treatment of refunded points that are spent: they become a debt, or are waived, or only pending points are
    reversed."""
    pending_days: Annotated[
        StrictInt, Field(ge=0, le=365, description="Days after a purchase during which its points cannot be spent.")
    ] = 0
    expiry_policy: ExpiryPolicy = "none"
    """The expiry of points: never, or `expiry_months` after they can be spent (`rolling_months`)."""
    expiry_months: (
        Annotated[
            StrictInt,
            Field(ge=1, le=120, description="Months during which points can be spent; requires `rolling_months`."),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _require_months_for_rolling_months_only(self) -> Self:
        if (self.expiry_policy == "rolling_months") != (self.expiry_months is not None):
            raise ValueError("expiry_months is required by the expiry policy rolling_months, and allowed only with it")
        return self


class Program(Resource, row=tables.Program, computed=("expiry_policy",), etag="version"):
    """A program."""

    id: UUID
    """Identifies the program."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the program."""
    kind: ProgramKind
    """The kind of program."""
    currency: str
    """The currency in which purchases earn points, by its ISO 4217 code."""
    timezone: str
    """The time zone of its days: a name of the IANA database."""
    enrolment: Enrolment
    """How customers become members."""
    refund_policy: RefundPolicy
    """The treatment of refunded points that are already spent."""
    pending_days: int
    """Days after a purchase during which its points cannot be spent."""
    expiry_policy: ExpiryPolicy
    """The expiry of points."""
    expiry_months: int | None
    """Months during which points can be spent, or null if they do not expire."""
    state: ProgramState
    """An active program, or a closed one."""
    created_at: datetime
    """When the program was created."""
    updated_at: datetime
    """When the program last changed."""


Per = Annotated[
    str,
    Field(
        pattern=POSITIVE_AMOUNT_PATTERN,
        examples=["1.00"],
        description="Amount in the program's currency, more than zero, with at most as many decimals as the currency.",
    ),
]
_ROUNDING = (
    "`full_steps`: `points` for each full `per` of the order. `proportional`: `points` x amount / `per`, rounded down."
)


class EarningRuleTerms(Fields):
    """The terms of a rule: `points` for each `per` of an order, rounded down once over the whole order."""

    points: Count
    """The points for each `per`."""
    per: Per
    valid_from: Instant | None = None
    """Purchases count from this time on. Default: from the first on, or from now on for a new version."""


class EarningRuleVersionCreate(EarningRuleTerms, RequestBody):
    """New terms of a rule: `points` for each `per` of an order, rounded down once over the whole order."""

    example = {"points": 2, "per": "1.00"}

    rounding: Annotated[Rounding, Field(description=f"{_ROUNDING} Default: that of the old version.")] | None = None


class EarningRuleCreate(EarningRuleTerms, RequestBody):
    """A rule to create. It is active for purchases made in [valid_from, valid_to), or always without them."""

    example = {"kind": "per_amount", "points": 1, "per": "1.00"}

    kind: EarningRuleKind
    """The kind of rule."""
    rounding: Annotated[Rounding, Field(description=_ROUNDING)] = "full_steps"
    valid_to: Instant | None = None
    """Purchases count before this time. Default: without end."""

    @model_validator(mode="after")
    def _require_start_before_end(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_from must be before valid_to")
        return self


class EarningRule(Resource, row=tables.EarningRule, computed=("id", "per")):
    """A version of a rule."""

    id: UUID
    """Identifies the rule. All of its versions have the same id."""
    version: int
    """The number of the version, from 1."""
    program_id: UUID
    """The program."""
    kind: EarningRuleKind
    """The kind of rule."""
    points: int
    """The points for each `per`."""
    per: Amount
    """An amount in the program's currency: a decimal string."""
    rounding: Rounding
    """How a part of `per` counts."""
    valid_from: datetime | None
    """Purchases count from this time on. Null: from the first on."""
    valid_to: datetime | None
    """Purchases count before this time. Null: without end."""
    created_at: datetime
    """When the version was created."""


@feature.post("/programs", scope="loyalty:configure", status_code=201)
async def create_program(work: Work, body: ProgramCreate) -> Program:
    """Create a program. It grants no points until it has a rule."""
    values = body.model_dump(exclude={"expiry_policy"})  # it follows from expiry_months
    program = await work.insert(tables.Program(**values))
    work.publish(ProgramCreated.from_row(program, program_id=program.id, expiry_policy=body.expiry_policy))
    return _to_program(program)


@feature.get("/programs", scope="loyalty:read")
async def list_programs(work: Work, params: PageParams) -> Page[Program]:
    """List the tenant's programs, oldest first."""
    return await paginate(work, params, tables.Program, _to_program)


@feature.get("/programs/{id:uuid}", scope="loyalty:read")
async def read_program(work: Work, id: UUID) -> Program:
    """Return a program."""
    return _to_program(await work.get(tables.Program, id))


@feature.post("/programs/{id:uuid}/earning-rules", scope="loyalty:configure", status_code=201, raises=[ProgramClosed])
async def create_earning_rule(work: Work, id: UUID, body: EarningRuleCreate) -> EarningRule:
    """Create a rule. If a program has several rules, each grants its own points."""
    program = await _lock_active_program(work, id)
    rule_id = uuid7()
    row = tables.EarningRule(
        id=rule_id,
        rule_id=rule_id,
        version=1,
        program_id=id,
        kind=body.kind,
        points=body.points,
        per_minor=_per_minor(body.per, program.currency),
        rounding=body.rounding,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        created_at=work.now,
    )
    return await _store_rule(work, EarningRuleCreated, row, program)


@feature.get("/programs/{id:uuid}/earning-rules", scope="loyalty:read")
async def list_earning_rules(work: Work, id: UUID, params: PageParams) -> Page[EarningRule]:
    """List every version of every rule of a program."""
    program = await work.get(tables.Program, id)
    item = partial(_to_earning_rule, currency=program.currency)
    return await paginate(work, params, tables.EarningRule, item, where=equals(program_id=id))


@feature.post(
    "/programs/{id:uuid}/earning-rules/{rule_id:uuid}/versions",
    scope="loyalty:configure",
    status_code=201,
    raises=[ProgramClosed],
)
async def replace_earning_rule(work: Work, id: UUID, rule_id: UUID, body: EarningRuleVersionCreate) -> EarningRule:
    """Change a rule from `valid_from` on, by default from now on.

    Purchases made earlier keep the version that was active then, even if they are received later.
    """
    program = await _lock_active_program(work, id)
    versions = await work.find_all(tables.EarningRule, program_id=id, rule_id=rule_id, order_by="version")
    if not versions:
        raise NotFound
    newest = versions[-1]
    begins = body.valid_from or work.now
    _check_begin(newest, begins)
    row = newest.replace(
        id=uuid7(),
        version=newest.version + 1,
        points=body.points,
        per_minor=_per_minor(body.per, program.currency),
        rounding=body.rounding or newest.rounding,
        valid_from=begins,
        created_at=work.now,
    )
    await work.update(newest, valid_to=begins)
    return await _store_rule(work, EarningRuleReplaced, row, program)


async def _lock_active_program(work: Work, id: UUID) -> tables.Program:
    """Lock a program, so that changes of its rules are made in sequence."""
    program = await work.get(tables.Program, id, for_update=True)
    if program.state != "active":
        raise ProgramClosed
    return program


async def _store_rule(
    work: Work, event: type[RuleEvent], row: tables.EarningRule, program: tables.Program
) -> EarningRule:
    row = await work.insert(row)
    per = Money.of(row.per_minor, program.currency)
    work.publish(event.from_row(row, rule_version=row.version, per=per))
    return _to_earning_rule(row, currency=program.currency)


def _check_begin(newest: tables.EarningRule, begins: datetime) -> None:
    """Raise ValidationFailed unless a version that begins at this time can follow the newest version."""
    if newest.valid_from is not None and begins <= newest.valid_from:
        raise ValidationFailed.field("/valid_from", TOO_EARLY, "must be later than that of the version it replaces")
    if newest.valid_to is not None and begins >= newest.valid_to:
        raise ValidationFailed.field("/valid_from", TOO_LATE, "must be before the end of the rule")


def _per_minor(per: str, currency: str) -> int:
    try:
        minor = minor_from_text(per, currency)
    except PydanticCustomError as error:
        raise ValidationFailed.field("/per", code_of(error), str(error)) from None
    if minor <= 0:
        raise ValidationFailed.field("/per", TOO_SMALL, "must be more than zero")
    return minor


def _to_program(row: tables.Program) -> Program:
    return Program.from_row(row, expiry_policy="rolling_months" if row.expiry_months else "none")


def _to_earning_rule(row: tables.EarningRule, *, currency: str) -> EarningRule:
    return EarningRule.from_row(row, id=row.rule_id, per=text_from_minor(row.per_minor, currency))
