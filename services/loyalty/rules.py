"""How points are earned. Plain values in, plain values out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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


def split_credit(points: int, debt: int) -> tuple[int, int]:
    """How a credit divides: debt is paid first, the rest can be spent."""
    paid = min(points, debt)
    return paid, points - paid


def reversal(rule: Rule, eligible_minor: int, refunded_before: int, refunded_after: int) -> int:
    """The points that a refund takes back: what the purchase deserved before it less what it deserves after it.

    Summed over any partition of a refund that is what the whole takes back, for the steps cancel out.
    """
    return rule.points_for(eligible_minor - refunded_before) - rule.points_for(eligible_minor - refunded_after)


def taken_and_owed(wanted: int, available: int, policy: str) -> tuple[int, int]:
    """How a reversal divides: what is taken of what is there, and what is owed by the program's policy."""
    if policy == "only_pending":
        return 0, 0
    taken = min(wanted, available)
    return taken, wanted - taken if policy == "debt" else 0


def first_fit(lots: Sequence[tuple[UUID, int]], points: int) -> list[tuple[UUID, int]]:
    """What is taken of each lot, in their order, until the points are together. Raises ValueError when they are not."""
    parts = []
    for lot_id, there in lots:
        part = min(points, there)
        if part > 0:
            parts.append((lot_id, part))
            points -= part
    if points:
        raise ValueError("the lots hold less than is wanted")
    return parts
