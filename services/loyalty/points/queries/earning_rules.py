"""Earning rules as the plain values that the rules of earning work on."""

from uuid import UUID

from chassis import Work
from services.loyalty.points import tables
from services.loyalty.points.rules.earning import Rule
from services.loyalty.points.rules.vocabulary import RuleReference


async def rules_by_program(work: Work) -> dict[UUID, list[Rule]]:
    """Return every version of every rule, by program."""
    rules: dict[UUID, list[Rule]] = {}
    for row in await work.find_all(tables.EarningRule, order_by="rule_id, version"):
        rules.setdefault(row.program_id, []).append(_to_rule(row))
    return rules


async def find_rule(work: Work, reference: RuleReference) -> Rule:
    """Return the version of a rule that an earn basis refers to."""
    row = await work.find(tables.EarningRule, rule_id=UUID(reference["rule_id"]), version=reference["version"])
    assert row is not None, "a version of a rule is never removed"
    return _to_rule(row)


def _to_rule(row: tables.EarningRule) -> Rule:
    return Rule(
        rule_id=row.rule_id,
        version=row.version,
        points=row.points,
        per_minor=row.per_minor,
        rounding=row.rounding,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
