"""A member's points as plain values: every way in which they move, and nothing about how they are stored.

A move takes points from one bucket to another. It is the only operation that changes a bucket. The sum over all
buckets is therefore always zero, and the ledger gives the reason of every point. Times are half-open: a lot can be
spent in [activates_at, expires_at).

Settle an account before using it. Everything that has become due is applied in the order of its time, so no result
depends on when the account was last opened.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import cast
from uuid import UUID

from chassis.types.ids import uuid7
from services.loyalty.points.rules.lots import (
    DISTANT_PAST,
    FIRST_SPENT,
    LAST_SPENT,
    Allocations,
    Hold,
    Lot,
    SpendOrder,
    allocate,
    drain,
)
from services.loyalty.points.rules.moves import Buckets, DueEffect, DueKey, DueKind, Move, Reason, Reversal
from services.loyalty.points.rules.vocabulary import WALLET_BUCKETS, FromBucket, RefundPolicy, ToBucket, WalletBucket

JOINED_VERSION = 1
"""The version of the first event of a membership, which announces it."""
MAX_STEP_BACK = timedelta(minutes=1)
"""An account keeps its time if a transaction is behind it by less: it waited for the lock, or a clock was adjusted."""


class InsufficientPoints(Exception):
    """More points were requested than are available. Compare with `available` first."""


@dataclass(slots=True)
class Account:
    """A wallet with its lots and holds. `moves` and `due_effects` are its changes since it was opened.

    It contains the lots and holds that an operation needs, not all of them. None of the others is due before
    `rest_due_at`. `spendable_through` is the place in the order of spending up to which it contains every lot. `due_at`
    is the time of the next effect, as stored.

    A transaction can be a little older than the one before it, because it waited for the lock. It acts at the time up
    to which the account is settled (`now`), so that points which have expired are not spent again. A longer step back
    means that a clock was ahead: the account returns to the right time.

    `version` counts the published events of the membership, in their order.
    """

    membership_id: UUID
    version: int = 0
    pending: int = 0
    available: int = 0
    reserved: int = 0
    debt: int = 0
    lots: dict[UUID, Lot] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    due_at: datetime | None = None
    rest_due_at: datetime | None = None
    settled_at: datetime = DISTANT_PAST
    spendable_through: SpendOrder = LAST_SPENT
    moves: list[Move] = field(default_factory=list)
    due_effects: list[DueEffect] = field(default_factory=list)
    was_ahead: bool = False
    """True if a clock that was ahead had settled the account."""
    _lots_before: dict[UUID, tuple[int, int, int]] = field(init=False, default_factory=dict)

    def load(self, lots: Iterable[Lot], holds: Iterable[Hold] = ()) -> None:
        """Add stored lots and holds. Those that it already contains stay as they are, with their changes."""
        for lot in lots:
            if lot.id not in self.lots:
                self.lots[lot.id] = lot
                self._lots_before[lot.id] = lot.state
        for hold in holds:
            self.holds.setdefault(hold.id, hold)

    def unload(self) -> None:
        """Remove lots, holds and moves that have been written."""
        self.due_at = self.next_due()
        for changes in (self.lots, self.holds, self._lots_before, self.moves):
            changes.clear()
        self.spendable_through = FIRST_SPENT

    @property
    def has_changed(self) -> bool:
        """Whether the wallet must be written."""
        return bool(self.moves) or self.was_ahead or self.next_due() != self.due_at

    def new_lots(self) -> list[Lot]:
        """Return the lots that were added since the account was opened."""
        return [lot for lot in self.lots.values() if lot.id not in self._lots_before]

    def changed_lots(self) -> list[Lot]:
        """Return the lots that have changed since the account was opened, without new lots."""
        return [lot for lot in self.lots.values() if self._lots_before.get(lot.id, lot.state) != lot.state]

    def returned_points(self, lot: Lot) -> int:
        """Return by how many points what can be spent of a lot has grown since the account was opened."""
        _, before, _ = self._lots_before.get(lot.id, (0, 0, 0))
        return lot.remaining - before

    def spendable_points(self) -> int:
        """Return the points of the first lots in the order of spending, without those that are not loaded."""
        return sum(lot.remaining for lot in self._spendable_lots())

    @property
    def buckets(self) -> Buckets:
        """The points by bucket."""
        return {
            "pending": self.pending,
            "available": self.available,
            "reserved": self.reserved,
            "debt": self.debt,
        }

    def next_version(self) -> int:
        """Count an event of the membership and return its version."""
        self.version += 1
        return self.version

    # Effects of time

    @property
    def now(self) -> datetime:
        """The time up to which the account is settled."""
        return self.settled_at

    def is_due(self, now: datetime) -> bool:
        """Return whether lots or holds that are not loaded may be due."""
        return self.rest_due_at is not None and self.rest_due_at <= now

    def settle(self, now: datetime, through: DueKey | None = None) -> None:
        """Apply everything that is due: lots activate, lots expire, holds end.

        With `through`, apply effects up to this one, because only they are loaded.
        """
        was = self.settled_at
        if was > now:
            self.was_ahead = was - now > MAX_STEP_BACK
            was = now = now if self.was_ahead else was
        self.settled_at = now if through is None else max(was, min(now, through[0]))
        due: list[tuple[DueKey, Callable[[], None]]] = []
        for lot in self.lots.values():
            if lot.pending and lot.activates_at <= now:
                due.append(((lot.activates_at, 0, lot.activates_at, lot.id), partial(self._activate, lot)))
            if lot.expires_at is not None and lot.expires_at <= now:
                due.append(((lot.expires_at, 1, lot.activates_at, lot.id), partial(self._expire, lot)))
        for hold in self.holds.values():
            if hold.ends_at <= now:
                due.append(((hold.ends_at, 2, hold.ends_at, hold.id), partial(self._end, hold)))
        for key, apply in sorted(due, key=lambda effect: effect[0]):
            if through is None or key <= through:
                apply()

    def next_due(self) -> datetime | None:
        """Return a time before which nothing is due, if no points move until then: usually that of the next effect."""
        times = [lot.activates_at for lot in self.lots.values() if lot.pending]
        times += [lot.expires_at for lot in self.lots.values() if lot.expires_at and lot.pending + lot.remaining]
        times += [hold.ends_at for hold in self.holds.values()]
        times += [self.rest_due_at] if self.rest_due_at else []
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
            lot.has_expired = True
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
        If a lot had expired by a clock that was ahead, and is valid again, a new lot receives its points: a lot expires
        once. Returns how many points paid a debt, and how many expired.
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
        copies = []
        for lot, points in allocate(sorted(valid, key=lambda item: item[0].spend_order, reverse=True), returned):
            if lot.has_expired:
                copies.append(_copy(lot, points))
            else:
                lot.remaining += points
        self._move(reason, "reserved", "expired", expired)
        self._move(reason, "reserved", "debt", debt_paid)
        self._move(reason, "reserved", "available", returned)
        for copy in copies:
            copy.remaining = copy.original
            self.lots[copy.id] = copy
            if copy.is_expired_at(self.now):
                self._expire(copy)
        return debt_paid, expired

    def own_lots(self, purchase_id: UUID) -> list[Lot]:
        """Return the loaded lots of a purchase."""
        return [lot for lot in self._lots_in_spend_order() if lot.source_id == purchase_id]

    def points_to_load(self, points: int, purchase_id: UUID, policy: RefundPolicy) -> int:
        """Return how many points the loaded lots must contain for a reversal, beside the purchase's own lots."""
        own = self.own_lots(purchase_id)
        missing = points - sum(lot.pending + lot.remaining + lot.expired for lot in own)
        if policy == "only_pending" or missing <= 0:
            return 0
        return min(missing + sum(lot.remaining for lot in own), self.available)

    def reverse(self, reason: Reason, points: int, purchase_id: UUID, policy: RefundPolicy) -> Reversal:
        """Reverse points that a purchase no longer earns.

        The purchase's own points are reversed first: pending, then available, then those that expired
        unspent, because the member has already lost these and must not lose them twice. Then available points of other
        lots are reversed, first to expire first. Held points never are. The program's policy decides on the rest.
        """
        own = self.own_lots(purchase_id)
        pending = drain("pending", own, points)
        available = expired = 0
        if policy != "only_pending":
            available = drain("remaining", own, points - pending)
            expired = drain("expired", own, points - pending - available)
            others = min(points - pending - available - expired, self.available - available)
            available += others
            drained = drain("remaining", self._spendable_lots(), others)
            assert drained == others, "the lots to take the points from are not loaded"
        missing = points - pending - available - expired
        debt_created = missing if policy == "debt" else 0
        self._move(reason, "pending", "reversed", pending)
        self._move(reason, "available", "reversed", available)
        self._move(reason, "expired", "reversed", expired)
        self._move(reason, "debt", "reversed", debt_created)
        return Reversal(pending, available, expired, debt_created)

    def restore(self, reason: Reason, expired: Iterable[tuple[Lot, int]]) -> int:
        """Give back points that should not have expired, in new lots with the periods of theirs. Returns how many.

        A refund may have reversed some of them, and these stay reversed. The rest pays a debt first, as all points do.
        """
        copies = []
        for lot, points in expired:
            if restored := min(points, lot.expired):
                lot.expired -= restored
                copies.append(_copy(lot, restored))
        pending = [copy for copy in copies if copy.activates_at > self.now]
        active = sorted((copy for copy in copies if copy not in pending), key=lambda lot: lot.spend_order, reverse=True)
        self._move(reason, "expired", "pending", sum(copy.original for copy in pending))
        _, available = self._credit(reason, "expired", sum(copy.original for copy in active))
        points = sum(copy.original for copy in copies)
        for copy in pending:
            copy.pending = copy.original
        for copy, part in allocate([(copy, copy.original) for copy in active], available):
            copy.original = copy.remaining = part
        self.lots |= {copy.id: copy for copy in copies if copy.pending + copy.remaining}
        return points

    def deduct(self, reason: Reason, points: int, *, allow_debt: bool) -> None:
        """Remove points by an adjustment. With `allow_debt` missing points become a debt, else InsufficientPoints."""
        deducted = min(points, self.available)
        if deducted < points and not allow_debt:
            raise InsufficientPoints
        self._debit(reason, "adjusted", deducted)
        self._move(reason, "debt", "adjusted", points - deducted)

    def transfer(self, reason: Reason, **changes: int) -> None:
        """Move points between the account and others, by bucket: positive numbers come in. The lots move elsewhere."""
        for bucket, points in changes.items():
            name = cast(WalletBucket, bucket)
            # A debt that comes in is points that go out.
            if (points > 0) is (name != "debt"):
                self._move(reason, "transferred", name, abs(points))
            else:
                self._move(reason, name, "transferred", abs(points))

    def pay_debt(self, reason: Reason, points: int) -> None:
        """Pay a part of the debt with available points, from the lots that expire first."""
        self._debit(reason, "debt", points)

    # Bookkeeping

    def _debit(self, reason: Reason, to_bucket: ToBucket, points: int) -> Allocations:
        """Take available points, from the lots that expire first."""
        if points > self.available:
            raise InsufficientPoints
        allocations = []
        for lot, part in allocate([(lot, lot.remaining) for lot in self._spendable_lots()], points):
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
        self.due_effects.append(DueEffect(kind, at, source_id, points, debt_paid, expired, self.buckets))

    def _spendable_lots(self) -> list[Lot]:
        return [lot for lot in self._lots_in_spend_order() if lot.spend_order <= self.spendable_through]

    def _lots_in_spend_order(self) -> list[Lot]:
        return sorted(self.lots.values(), key=lambda lot: lot.spend_order)


def _copy(lot: Lot, points: int) -> Lot:
    """Return a new lot with the source and the period of a lot that has expired."""
    return Lot(uuid7(), lot.source_id, points, lot.activates_at, lot.expires_at)
