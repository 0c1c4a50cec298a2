"""How points are earned. Plain values in, plain values out."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

MOST_POINTS = 10**15
"""More than this from one purchase is a mistake in a rule, and sums of many such stay far inside a bigint."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of an earning rule: `points` for each `per_minor` that was spent."""

    rule_id: UUID
    version: int
    points: int
    per_minor: int
    valid_from: datetime | None
    valid_to: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Whether a purchase of that moment earns by it: half-open [valid_from, valid_to)."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_to is None or at < self.valid_to)

    def points_for(self, eligible_minor: int) -> int:
        """What an order earns: floored once, over the whole order; nothing for nothing."""
        return min(max(eligible_minor, 0) * self.points // self.per_minor, MOST_POINTS)


@dataclass(frozen=True, slots=True)
class Award:
    """Points that one rule grants for one order."""

    rule: Rule
    points: int


def awards(rules: Iterable[Rule], eligible_minor: int, at: datetime) -> list[Award]:
    """What an order of that moment earns: each rule that held then grants its own points; none, no award."""
    held = [Award(rule, rule.points_for(eligible_minor)) for rule in rules if rule.holds_at(at)]
    return [award for award in held if award.points > 0]


def reversal(rule: Rule, eligible_minor: int, refunded_before: int, refunded_after: int) -> int:
    """The points that a refund takes back: what the purchase deserved before it less what it deserves after it.

    Summed over any partition of a refund that is what the whole takes back, for the steps cancel out.
    """
    return rule.points_for(eligible_minor - refunded_before) - rule.points_for(eligible_minor - refunded_after)


def lifetime(
    earned_at: datetime, pending_days: int, expiry_months: int | None, zone: ZoneInfo
) -> tuple[datetime, datetime | None]:
    """From when and until when points can be spent: half-open, None for ever.

    Days and months are the calendar's in the program's zone: a month from 31 January ends with the 28th or 29th of
    February, and a day is one also when the clocks change in it.
    """
    begins = earned_at.astimezone(zone) + timedelta(days=pending_days)
    activates_at = begins.astimezone(UTC) if pending_days else earned_at
    if expiry_months is None:
        return activates_at, None
    months = begins.year * 12 + begins.month - 1 + expiry_months
    year, month = months // 12, months % 12 + 1
    ends = begins.replace(year=year, month=month, day=min(begins.day, monthrange(year, month)[1]))
    return activates_at, ends.astimezone(UTC)
