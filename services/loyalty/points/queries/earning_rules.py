"""Programs and their earning rules, as the plain values that the rules of earning work on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from chassis import Query, Work
from services.loyalty.points import tables
from services.loyalty.points.rules.earning import Rule
from services.loyalty.points.rules.vocabulary import Enrolment, Rounding, RuleReference


@dataclass(frozen=True, slots=True)
class EarningProgram:
    """A program in which purchases earn points, with every version of its rules."""

    id: UUID
    currency: str
    zone: ZoneInfo
    enrolment: Enrolment
    pending_days: int
    expiry_months: int | None
    rules: list[Rule]


async def active_programs(work: Work) -> dict[UUID, EarningProgram]:
    """Return the active programs by id."""
    return {row.id: _to_program(row) for row in await work.select(_PROGRAMS)}


async def find_rule(work: Work, reference: RuleReference) -> Rule:
    """Return the version of a rule that an earn basis refers to."""
    row = await work.find(tables.EarningRule, rule_id=UUID(reference["rule_id"]), version=reference["version"])
    assert row is not None, "a version of a rule is never removed"
    return Rule(
        rule_id=row.rule_id,
        version=row.version,
        points=row.points,
        per_minor=row.per_minor,
        rounding=row.rounding,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


class RuleDocument(TypedDict):
    """A version of a rule, as JSON."""

    rule_id: str
    version: int
    points: int
    per_minor: int
    rounding: Rounding
    valid_from: str | None
    valid_to: str | None


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A program with every version of its rules."""

    id: UUID
    currency: str
    timezone: str
    enrolment: Enrolment
    pending_days: int
    expiry_months: int | None
    rules: list[RuleDocument]


def _to_program(row: ProgramRow) -> EarningProgram:
    return EarningProgram(
        id=row.id,
        currency=row.currency,
        zone=ZoneInfo(row.timezone),
        enrolment=row.enrolment,
        pending_days=row.pending_days,
        expiry_months=row.expiry_months,
        rules=[_to_rule(document) for document in row.rules],
    )


def _to_rule(document: RuleDocument) -> Rule:
    return Rule(
        rule_id=UUID(document["rule_id"]),
        version=document["version"],
        points=document["points"],
        per_minor=document["per_minor"],
        rounding=document["rounding"],
        valid_from=_to_time(document["valid_from"]),
        valid_to=_to_time(document["valid_to"]),
    )


def _to_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


_PROGRAMS = Query(
    ProgramRow,
    """
    select id, currency, timezone, enrolment, pending_days, expiry_months,
           array(
               select json_build_object(
                   'rule_id', rule_id, 'version', version, 'points', points, 'per_minor', per_minor,
                   'rounding', rounding, 'valid_from', valid_from, 'valid_to', valid_to)
               from earning_rule where program_id = program.id order by rule_id, version
           ) as rules
    from program where state = 'active' order by id
    """,
)
