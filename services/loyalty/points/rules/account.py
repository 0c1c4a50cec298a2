"""A member's points as plain values: every way in which they move, and nothing about how they are stored.

A move takes points from one bucket to another. It is the only operation that changes a bucket. The sum over all
buckets is therefore always zero, and the ledger gives the reason of every point. Times are half-open: a lot can be
spent in [activates_at, expires_at).

Settle an account before using it. Everything that has become due is applied in the order of its time, so no result
depends on when the account was last opened.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import UUID

from services.loyalty.points.rules.vocabulary import WALLET_BUCKETS, FromBucket, RefundPolicy, ToBucket

DISTANT_PAST, DISTANT_FUTURE = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))
DueKind = Literal["activated", "expired", "released"]
Allocations = tuple[tuple[UUID, int], ...]
"""The points that were taken from each lot."""


class InsufficientPoints(Exception):
    """More points were requested than are available. Compare with `available` first."""


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

    def is_expired_at(self, at: datetime) -> bool:
        """Return whether the points can no longer be spent."""
        return self.expires_at is not None and self.expires_at <= at

    @property
    def state(self) -> tuple[int, int, int]:
        """The points that are pending, can be spent, and have expired."""
        return self.pending, self.remaining, self.expired

    @property
    def spend_order(self) -> tuple[datetime, datetime, UUID]:
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


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points move. The ledger's natural key: a reason moves points between the same two buckets at most once."""

    kind: str
    source_type: str
    source_id: UUID
    at: datetime
    rule_id: UUID | None = None
    rule_version: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Points that moved between two buckets."""

    reason: Reason
    from_bucket: FromBucket
    to_bucket: ToBucket
    points: int


@dataclass(frozen=True, slots=True)
class DueEffect:
    """An effect of time alone, and the points that were available after it."""

    kind: DueKind
    at: datetime
    source_id: UUID
    points: int
    debt_paid: int
    expired: int
    available: int


@dataclass(frozen=True, slots=True)
class Reversal:
    """The points that a refund reversed, which were pending, available or expired, and the debt for the rest."""

    pending: int
    available: int
    expired: int
    debt_created: int

    @property
    def points(self) -> int:
        """All reversed points."""
        return self.pending + self.available + self.expired + self.debt_created


@dataclass(slots=True)
class Account:
    """A wallet with its lots and holds. `moves` and `due_effects` are its changes since it was opened.

    To credit an account that has nothing due, its lots and holds are not needed. Without them the account is not
    `is_complete`, and `due_at` gives the time at which the first of them becomes due.

    An account's time never goes back. A caller that waited long for the lock, or whose clock is behind, acts at the
    time at which the account was last settled (`now`).
    """

    membership_id: UUID
    pending: int = 0
    available: int = 0
    reserved: int = 0
    debt: int = 0
    lots: dict[UUID, Lot] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    due_at: datetime | None = None
    settled_at: datetime = DISTANT_PAST
    is_complete: bool = True
    moves: list[Move] = field(default_factory=list)
    due_effects: list[DueEffect] = field(default_factory=list)
    _lots_before: dict[UUID, tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Remember the state of the lots, to see later which of them have changed."""
        self._lots_before = {lot.id: lot.state for lot in self.lots.values()}

    def new_lots(self) -> list[Lot]:
        """Return the lots that were added since the account was opened."""
        return [lot for lot in self.lots.values() if lot.id not in self._lots_before]

    def changed_lots(self) -> list[Lot]:
        """Return the lots that have changed since the account was opened, without new lots."""
        return [lot for lot in self.lots.values() if self._lots_before.get(lot.id, lot.state) != lot.state]

    # Effects of time

    @property
    def now(self) -> datetime:
        """The time up to which the account is settled."""
        return self.settled_at

    def settle(self, now: datetime) -> None:
        """Apply everything that is due: lots activate, lots expire, holds end."""
        self.settled_at = now = max(now, self.settled_at)
        due: list[tuple[datetime, int, UUID, Callable[[], None]]] = []
        for lot in self.lots.values():
            if lot.pending and lot.activates_at <= now:
                due.append((lot.activates_at, 0, lot.id, partial(self._activate, lot)))
            if lot.expires_at is not None and lot.expires_at <= now:
                due.append((lot.expires_at, 1, lot.id, partial(self._expire, lot)))
        for hold in self.holds.values():
            if hold.ends_at <= now:
                due.append((hold.ends_at, 2, hold.id, partial(self._end, hold)))
        for _, _, _, apply in sorted(due, key=lambda effect: effect[:3]):
            apply()

    def next_due(self) -> datetime | None:
        """Return the time of the next effect, if no points move until then."""
        times = [lot.activates_at for lot in self.lots.values() if lot.pending]
        times += [lot.expires_at for lot in self.lots.values() if lot.expires_at and lot.pending + lot.remaining]
        times += [hold.ends_at for hold in self.holds.values()]
        times += [self.due_at] if self.due_at and not self.is_complete else []
        return min(times, default=None)

    def _activate(self, lot: Lot) -> None:
        points, lot.pending = lot.pending, 0
        reason = Reason("activate", "lot", lot.id, lot.activates_at)
        debt_paid, lot.remaining = self._credit(reason, "pending", points)
        self._record("activated", lot.activates_at, lot.id, points, debt_paid)

    def _expire(self, lot: Lot) -> None:
        points, lot.remaining = lot.remaining, 0
        if points:
            assert lot.expires_at is not None
            lot.expired += points
            self._move(Reason("expire", "lot", lot.id, lot.expires_at), "available", "expired", points)
            self._record("expired", lot.expires_at, lot.id, points, 0, points)

    def _end(self, hold: Hold) -> None:
        debt_paid, expired = self.release(hold.id, hold.ends_at)
        self._record("released", hold.ends_at, hold.id, hold.points, debt_paid, expired)

    # Actions of members and staff

    def credit(self, reason: Reason, lot: Lot, from_bucket: FromBucket = "issued") -> int:
        """Add a new lot of `lot.original` points. Returns how many of them paid a debt.

        Points that have already expired are booked and expire at once. They pay no debt, because they could not have
        paid it if they had been credited in time.
        """
        points = lot.original
        if lot.is_expired_at(self.now):
            self._move(reason, from_bucket, "available", points)
            lot.remaining = points
            self.lots[lot.id] = lot
            self._expire(lot)
            return 0
        if lot.activates_at > self.now:
            self._move(reason, from_bucket, "pending", points)
            lot.pending = points
            debt_paid = 0
        else:
            debt_paid, lot.remaining = self._credit(reason, from_bucket, points)
        if lot.pending + lot.remaining:
            lot.original = lot.pending + lot.remaining
            self.lots[lot.id] = lot
        return debt_paid

    def reserve(self, reason: Reason, points: int, ends_at: datetime) -> Hold:
        """Hold points until a time. Raises InsufficientPoints."""
        hold = Hold(reason.source_id, ends_at, self._debit(reason, "reserved", points))
        self.holds[hold.id] = hold
        return hold

    def spend(self, reason: Reason, points: int) -> Allocations:
        """Spend points at once. Returns how many came from which lot. Raises InsufficientPoints."""
        return self._debit(reason, "redeemed", points)

    def capture(self, hold_id: UUID, at: datetime) -> None:
        """Spend held points, even if the lots they came from have expired."""
        hold = self.holds.pop(hold_id)
        self._move(Reason("capture", "redemption", hold.id, at), "reserved", "redeemed", hold.points)

    def release(self, hold_id: UUID, at: datetime) -> tuple[int, int]:
        """Return held points. They pay a debt first. The rest returns to its own lots, last to expire first.

        Points of a lot that has expired expire at once and pay no debt, because nothing could have spent them any more.
        Returns how many points paid a debt, and how many expired.
        """
        hold = self.holds.pop(hold_id)
        reason = Reason("release", "redemption", hold.id, at)
        allocated = [(self.lots[lot_id], points) for lot_id, points in hold.allocations]
        expired = 0
        for lot, points in allocated:
            if lot.is_expired_at(at):
                lot.expired += points
                expired += points
        debt_paid = min(hold.points - expired, self.debt)
        returned = hold.points - expired - debt_paid
        valid = [(lot, points) for lot, points in allocated if not lot.is_expired_at(at)]
        for lot, points in _allocate(sorted(valid, key=lambda item: item[0].spend_order, reverse=True), returned):
            lot.remaining += points
        self._move(reason, "reserved", "expired", expired)
        self._move(reason, "reserved", "debt", debt_paid)
        self._move(reason, "reserved", "available", returned)
        return debt_paid, expired

    def reverse(self, reason: Reason, points: int, purchase_id: UUID, policy: RefundPolicy) -> Reversal:
        """Reverse points that a purchase no longer earns.

        The purchase's own points are reversed first: pending, then available, then those that expired
        unspent, because the member has already lost these and must not lose them twice. Then available points of other
        lots are reversed, first to expire first. Held points never are. The program's policy decides on the rest.
        """
        own = [lot for lot in self._lots_in_spend_order() if lot.source_id == purchase_id]
        pending = _drain("pending", own, points)
        available = expired = 0
        if policy != "only_pending":
            available = _drain("remaining", own, points - pending)
            expired = _drain("expired", own, points - pending - available)
            available += _drain("remaining", self._lots_in_spend_order(), points - pending - available - expired)
        missing = points - pending - available - expired
        debt_created = missing if policy == "debt" else 0
        self._move(reason, "pending", "reversed", pending)
        self._move(reason, "available", "reversed", available)
        self._move(reason, "expired", "reversed", expired)
        self._move(reason, "debt", "reversed", debt_created)
        return Reversal(pending, available, expired, debt_created)

    def deduct(self, reason: Reason, points: int, *, allow_debt: bool) -> None:
        """Remove points by an adjustment. With `allow_debt` missing points become a debt, else InsufficientPoints."""
        deducted = min(points, self.available)
        if deducted < points and not allow_debt:
            raise InsufficientPoints
        self._debit(reason, "adjusted", deducted)
        self._move(reason, "debt", "adjusted", points - deducted)

    # Bookkeeping

    def _debit(self, reason: Reason, to_bucket: ToBucket, points: int) -> Allocations:
        """Take available points, from the lots that expire first."""
        if points > self.available:
            raise InsufficientPoints
        allocations = []
        for lot, part in _allocate([(lot, lot.remaining) for lot in self._lots_in_spend_order()], points):
            lot.remaining -= part
            allocations.append((lot.id, part))
        self._move(reason, "available", to_bucket, points)
        return tuple(allocations)

    def _credit(self, reason: Reason, from_bucket: FromBucket, points: int) -> tuple[int, int]:
        """Add points: they pay a debt first, the rest is available. Returns both numbers."""
        debt_paid = min(points, self.debt)
        self._move(reason, from_bucket, "debt", debt_paid)
        self._move(reason, from_bucket, "available", points - debt_paid)
        return debt_paid, points - debt_paid

    def _move(self, reason: Reason, from_bucket: FromBucket, to_bucket: ToBucket, points: int) -> None:
        if points == 0:
            return
        for bucket, change in ((from_bucket, -points), (to_bucket, points)):
            if bucket in WALLET_BUCKETS:
                # The member owes a debt: points that move into it make it smaller.
                setattr(self, bucket, getattr(self, bucket) + (-change if bucket == "debt" else change))
        self.moves.append(Move(reason, from_bucket, to_bucket, points))

    def _record(
        self, kind: DueKind, at: datetime, source_id: UUID, points: int, debt_paid: int, expired: int = 0
    ) -> None:
        self.due_effects.append(DueEffect(kind, at, source_id, points, debt_paid, expired, self.available))

    def _lots_in_spend_order(self) -> list[Lot]:
        return sorted(self.lots.values(), key=lambda lot: lot.spend_order)


def _drain(part: Literal["pending", "remaining", "expired"], lots: Iterable[Lot], points: int) -> int:
    """Take up to so many points of a part of these lots, in their order. Returns how many were taken."""
    drained = 0
    for lot in lots:
        present = getattr(lot, part)
        taken = min(present, points - drained)
        setattr(lot, part, present - taken)
        drained += taken
    return drained


def _allocate(lots: Iterable[tuple[Lot, int]], points: int) -> list[tuple[Lot, int]]:
    """Return how many points come from each lot, in their order, to reach the sum. Each lot is given with its limit."""
    parts = []
    for lot, limit in lots:
        part = min(points, limit)
        if part:
            parts.append((lot, part))
            points -= part
    assert points == 0, "the lots contain fewer points than the wallet"
    return parts
