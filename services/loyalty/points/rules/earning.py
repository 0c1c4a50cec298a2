"""The points that purchases earn, and the points that refunds reverse. Plain values in, plain values out."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.types.limits import MAX_COUNT
from services.loyalty.points.rules.vocabulary import Rounding, RuleReference


@dataclass(frozen=True, slots=True)
class Rule:
    """A version of an earning rule: `points` for each `per_minor` of an order."""

    rule_id: UUID
    version: int
    points: int
    per_minor: int
    rounding: Rounding
    valid_from: datetime | None
    valid_to: datetime | None

    @property
    def reference(self) -> RuleReference:
        """The reference by which an earn basis finds this version again."""
        return {"rule_id": str(self.rule_id), "version": self.version}

    def is_active_at(self, at: datetime) -> bool:
        """Return whether a purchase made at this time earns under the rule: half-open [valid_from, valid_to)."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_to is None or at < self.valid_to)

    def points_for(self, eligible_minor: int) -> int:
        """Return the points of an order, rounded down once over the whole order, or zero for zero or less.

        An order earns at most MAX_COUNT points under a rule, because more is a mistake in the rule.
        """
        minor = max(eligible_minor, 0)
        full_steps = self.rounding == "full_steps"
        points = minor // self.per_minor * self.points if full_steps else minor * self.points // self.per_minor
        return min(points, MAX_COUNT)


@dataclass(frozen=True, slots=True)
class Award:
    """Points that a rule grants for an order."""

    rule: Rule
    points: int


def active_rules(rules: Iterable[Rule], at: datetime) -> list[Rule]:
    """Return the rules under which a purchase made at this time earns."""
    return [rule for rule in rules if rule.is_active_at(at)]


def awards(rules: Iterable[Rule], eligible_minor: int) -> list[Award]:
    """Return the awards of an order: each rule grants its own points. A rule that grants none gives no award."""
    granted = [Award(rule, rule.points_for(eligible_minor)) for rule in rules]
    return [award for award in granted if award.points > 0]


def reversed_points(rule: Rule, eligible_minor: int, refunded_before: int, refunded_after: int) -> int:
    """Return the points that a refund reverses: those of the amount before it less those of the amount after it.

    Several partial refunds reverse as many points as one refund of their sum, because the terms between them cancel.
    """
    return rule.points_for(eligible_minor - refunded_before) - rule.points_for(eligible_minor - refunded_after)


def lifetime(
    earned_at: datetime, pending_days: int, expiry_months: int | None, zone: ZoneInfo
) -> tuple[datetime, datetime | None]:
    """Return the half-open period in which points can be spent, or None if they never expire.

    Days and months are those of the calendar in the program's zone. A month from 31 January ends on the last day of
    February, and a day on which the clocks change counts as a day.
    """
    begins = earned_at.astimezone(zone) + timedelta(days=pending_days)
    activates_at = begins.astimezone(UTC) if pending_days else earned_at
    if expiry_months is None:
        return activates_at, None
    months = begins.year * 12 + begins.month - 1 + expiry_months
    year, month = months // 12, months % 12 + 1
    ends = begins.replace(year=year, month=month, day=min(begins.day, monthrange(year, month)[1]))
    return activates_at, ends.astimezone(UTC)
