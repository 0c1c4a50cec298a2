"""Lots and holds as plain values, and the order in which points are taken from lots."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

DISTANT_PAST, DISTANT_FUTURE = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))
Allocations = tuple[tuple[UUID, int], ...]
"""The points that were taken from each lot."""
SpendOrder = tuple[datetime, datetime, UUID]
FIRST_SPENT: SpendOrder = (DISTANT_PAST, DISTANT_PAST, UUID(int=0))
LAST_SPENT: SpendOrder = (DISTANT_FUTURE, DISTANT_FUTURE, UUID(int=2**128 - 1))


@dataclass(slots=True)
class Lot:
    """Points that were credited together, by a purchase or an adjustment, and their state now."""

    id: UUID
    source_id: UUID
    original: int
    activates_at: datetime
    expires_at: datetime | None
    pending: int = 0
    remaining: int = 0
    expired: int = 0
    has_expired: bool = False
    """True if points of this lot have expired before. They expire once, so it holds no points again."""

    def is_expired_at(self, at: datetime) -> bool:
        """Return whether the points can no longer be spent."""
        return self.expires_at is not None and self.expires_at <= at

    @property
    def state(self) -> tuple[int, int, int]:
        """The points that are pending, can be spent, and have expired."""
        return self.pending, self.remaining, self.expired

    @property
    def spend_order(self) -> SpendOrder:
        """The sort key by which lots are spent: first to expire first, then oldest first."""
        return self.expires_at or DISTANT_FUTURE, self.activates_at, self.id


@dataclass(frozen=True, slots=True)
class Hold:
    """Points that are reserved until they are captured or released, and the lots they came from."""

    id: UUID
    ends_at: datetime
    allocations: Allocations

    @property
    def points(self) -> int:
        """The sum of its allocations."""
        return sum(points for _, points in self.allocations)


def drain(part: Literal["pending", "remaining", "expired"], lots: Iterable[Lot], points: int) -> int:
    """Take up to so many points of a part of these lots, in their order. Returns how many were taken."""
    drained = 0
    for lot in lots:
        present = getattr(lot, part)
        taken = min(present, points - drained)
        setattr(lot, part, present - taken)
        drained += taken
    return drained


def allocate(lots: Iterable[tuple[Lot, int]], points: int) -> list[tuple[Lot, int]]:
    """Return how many points come from each lot, in their order, to reach the sum. Each lot is given with its limit."""
    parts = []
    for lot, limit in lots:
        part = min(points, limit)
        if part:
            parts.append((lot, part))
            points -= part
    assert points == 0, "the lots contain fewer points than the wallet"
    return parts
