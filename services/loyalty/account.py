"""A member's points as plain values: every way in which they move, and nothing of how they are stored.

A move takes points from one bucket to another, and is the only thing that changes a bucket: whatever happens, the sum
over all buckets is zero and the ledger says why. Times are half-open: a lot can be spent in [activates_at, expires_at).

Who uses an account settles it first. What was due by then happens in the order of its time, so that no result depends
on when somebody last looked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal
from uuid import UUID

OWN_BUCKETS = ("pending", "available", "reserved", "debt")
EVER, NEVER = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))
RefundPolicy = Literal["debt", "within_balance", "only_pending"]


class Overdrawn(Exception):
    """More is wanted than is available: who asks looks at that first."""


@dataclass(slots=True)
class Lot:
    """Points that came together, by a purchase or an adjustment, and what became of them."""

    id: UUID
    source_id: UUID
    original: int
    activates_at: datetime
    expires_at: datetime | None
    pending: int = 0
    remaining: int = 0
    expired: int = 0

    def over_by(self, at: datetime) -> bool:
        """Whether the points cannot be spent any more."""
        return self.expires_at is not None and self.expires_at <= at

    @property
    def state(self) -> tuple[int, int, int]:
        """What is left of it: pending, to be spent, expired."""
        return self.pending, self.remaining, self.expired

    @property
    def turn(self) -> tuple[datetime, datetime, UUID]:
        """Where the lot stands in the order in which lots are spent: first over first, then oldest first."""
        return self.expires_at or NEVER, self.activates_at, self.id


@dataclass(frozen=True, slots=True)
class Hold:
    """Points that are kept for something until they are captured or released: how many of which lot."""

    id: UUID
    ends_at: datetime
    taken: tuple[tuple[UUID, int], ...]

    @property
    def points(self) -> int:
        """How many in all."""
        return sum(points for _, points in self.taken)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points move. The same reason never moves points twice between the same buckets: the ledger's natural key."""

    kind: str
    source_type: str
    source_id: UUID
    at: datetime
    rule_id: UUID | None = None
    rule_version: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Points that went from one bucket to another."""

    reason: Reason
    from_bucket: str
    to_bucket: str
    points: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What came due by itself, with what could be spent after it."""

    what: Literal["activated", "expired", "released"]
    at: datetime
    source_id: UUID
    points: int
    debt_paid: int
    expired: int
    available: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a refund took back: of pending points, of those that could be spent, of those expired, and as a debt."""

    pending: int
    available: int
    expired: int
    owed: int

    @property
    def points(self) -> int:
        """All of it."""
        return self.pending + self.available + self.expired + self.owed


@dataclass(slots=True)
class Account:
    """A wallet with its lots and holds; `moves` and `settled` are what has happened since it was opened.

    Who only credits, while nothing is due, may leave lots and holds out: then the account is not `whole`, and `due_at`
    says when one of them is due first. An account's time never goes back: who waited long for its lock, or has a clock
    that is behind, acts at the moment at which it was settled last (`now`).
    """

    membership_id: UUID
    pending: int = 0
    available: int = 0
    reserved: int = 0
    debt: int = 0
    lots: dict[UUID, Lot] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    due_at: datetime | None = None
    settled_at: datetime = EVER
    whole: bool = True
    moves: list[Move] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    _lots_before: dict[UUID, tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Remembers the lots as they are now."""
        self._lots_before = {lot.id: lot.state for lot in self.lots.values()}

    def new_lots(self) -> list[Lot]:
        """Those made since the account was opened."""
        return [lot for lot in self.lots.values() if lot.id not in self._lots_before]

    def changed_lots(self) -> list[Lot]:
        """Those that have changed since then."""
        return [lot for lot in self.lots.values() if self._lots_before.get(lot.id, lot.state) != lot.state]

    # What time does

    @property
    def now(self) -> datetime:
        """The moment at which the account stands."""
        return self.settled_at

    def settle(self, now: datetime) -> None:
        """Applies what is due: points that can be spent from now on, that cannot any more, holds that are over."""
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
        for _, _, _, apply in sorted(due, key=lambda one: one[:3]):
            apply()

    def next_due(self) -> datetime | None:
        """When something comes due next, if nobody moves points until then."""
        times = [lot.activates_at for lot in self.lots.values() if lot.pending]
        times += [lot.expires_at for lot in self.lots.values() if lot.expires_at and lot.pending + lot.remaining]
        times += [hold.ends_at for hold in self.holds.values()]
        times += [self.due_at] if self.due_at and not self.whole else []
        return min(times, default=None)

    def _activate(self, lot: Lot) -> None:
        points, lot.pending = lot.pending, 0
        reason = Reason("activate", "lot", lot.id, lot.activates_at)
        paid, lot.remaining = self._spread(reason, "pending", points)
        self._note("activated", lot.activates_at, lot.id, points, paid)

    def _expire(self, lot: Lot) -> None:
        points, lot.remaining = lot.remaining, 0
        if points:
            assert lot.expires_at is not None
            lot.expired += points
            self._move(Reason("expire", "lot", lot.id, lot.expires_at), "available", "expired", points)
            self._note("expired", lot.expires_at, lot.id, points, 0, points)

    def _end(self, hold: Hold) -> None:
        paid, expired = self.release(hold.id, hold.ends_at)
        self._note("released", hold.ends_at, hold.id, hold.points, paid, expired)

    # What members and staff do

    def credit(self, reason: Reason, lot: Lot, from_bucket: str = "issued") -> int:
        """Adds a new lot of `lot.original` points; answers with how many of them paid a debt.

        Points whose time is over by now are booked and expire at once: they pay no debt, as they could not have paid
        it had they been told of in time.
        """
        points = lot.original
        if lot.over_by(self.now):
            self._move(reason, from_bucket, "available", points)
            lot.remaining = points
            self.lots[lot.id] = lot
            self._expire(lot)
            return 0
        if lot.activates_at > self.now:
            self._move(reason, from_bucket, "pending", points)
            lot.pending = points
            paid = 0
        else:
            paid, lot.remaining = self._spread(reason, from_bucket, points)
        if lot.pending + lot.remaining:
            lot.original = lot.pending + lot.remaining
            self.lots[lot.id] = lot
        return paid

    def reserve(self, reason: Reason, points: int, ends_at: datetime) -> Hold:
        """Keeps points for something. Raises Overdrawn."""
        hold = Hold(reason.source_id, ends_at, self._take(reason, "reserved", points))
        self.holds[hold.id] = hold
        return hold

    def spend(self, reason: Reason, points: int) -> tuple[tuple[UUID, int], ...]:
        """Spends points at once; answers with what was taken of which lot. Raises Overdrawn."""
        return self._take(reason, "redeemed", points)

    def capture(self, hold_id: UUID, at: datetime) -> None:
        """Spends held points, also when the lots they came from are over by now."""
        hold = self.holds.pop(hold_id)
        self._move(Reason("capture", "redemption", hold.id, at), "reserved", "redeemed", hold.points)

    def release(self, hold_id: UUID, at: datetime) -> tuple[int, int]:
        """Gives held points back, to a debt first, then to their own lots, those that last longest before others.

        What goes back to a lot that is over expires at once. Answers with how many paid a debt, and how many expired.
        """
        hold = self.holds.pop(hold_id)
        reason = Reason("release", "redemption", hold.id, at)
        paid = min(hold.points, self.debt)
        self._move(reason, "reserved", "debt", paid)
        returned = hold.points - paid
        taken = [(self.lots[lot_id], points) for lot_id, points in hold.taken]
        expired = 0
        for lot, points in _fill(sorted(taken, key=lambda part: part[0].turn, reverse=True), returned):
            if lot.over_by(at):
                lot.expired += points
                expired += points
            else:
                lot.remaining += points
        self._move(reason, "reserved", "expired", expired)
        self._move(reason, "reserved", "available", returned - expired)
        return paid, expired

    def take_back(self, reason: Reason, points: int, purchase_id: UUID, policy: RefundPolicy) -> Taken:
        """Takes back what a purchase no longer deserves; answers with what was taken of which.

        First of the purchase's own points: pending ones, those that can be spent, those that have expired unspent
        (the member has lost them already and does not lose them twice). Then of others, those over first; never of a
        hold. What is missing then goes by the program's policy.
        """
        own = [lot for lot in self._in_order() if lot.source_id == purchase_id]
        pending = _drain("pending", own, points)
        available = expired = 0
        if policy != "only_pending":
            available = _drain("remaining", own, points - pending)
            expired = _drain("expired", own, points - pending - available)
            available += _drain("remaining", self._in_order(), points - pending - available - expired)
        missing = points - pending - available - expired
        owed = missing if policy == "debt" else 0
        for bucket, part in (("pending", pending), ("available", available), ("expired", expired), ("debt", owed)):
            self._move(reason, bucket, "reversed", part)
        return Taken(pending, available, expired, owed)

    def withdraw(self, reason: Reason, points: int, *, owing: bool) -> None:
        """Takes points away by hand; `owing` makes a debt of what is not there. Raises Overdrawn."""
        there = min(points, self.available)
        if there < points and not owing:
            raise Overdrawn
        self._take(reason, "adjusted", there)
        self._move(reason, "debt", "adjusted", points - there)

    # How all of it is done

    def _take(self, reason: Reason, to_bucket: str, points: int) -> tuple[tuple[UUID, int], ...]:
        """Takes available points, those first that are over first."""
        if points > self.available:
            raise Overdrawn
        taken = []
        for lot, part in _fill([(lot, lot.remaining) for lot in self._in_order()], points):
            lot.remaining -= part
            taken.append((lot.id, part))
        self._move(reason, "available", to_bucket, points)
        return tuple(taken)

    def _spread(self, reason: Reason, from_bucket: str, points: int) -> tuple[int, int]:
        """Brings points in: a debt is paid first, the rest can be spent."""
        paid = min(points, self.debt)
        self._move(reason, from_bucket, "debt", paid)
        self._move(reason, from_bucket, "available", points - paid)
        return paid, points - paid

    def _move(self, reason: Reason, from_bucket: str, to_bucket: str, points: int) -> None:
        if points == 0:
            return
        for bucket, change in ((from_bucket, -points), (to_bucket, points)):
            if bucket in OWN_BUCKETS:
                # A debt is what the member owes: what flows into it makes it less.
                setattr(self, bucket, getattr(self, bucket) + (-change if bucket == "debt" else change))
        self.moves.append(Move(reason, from_bucket, to_bucket, points))

    def _note(
        self,
        what: Literal["activated", "expired", "released"],
        at: datetime,
        source_id: UUID,
        points: int,
        paid: int,
        expired: int = 0,
    ) -> None:
        self.settled.append(Settled(what, at, source_id, points, paid, expired, self.available))

    def _in_order(self) -> list[Lot]:
        return sorted(self.lots.values(), key=lambda lot: lot.turn)


def _drain(part: Literal["pending", "remaining", "expired"], lots: Iterable[Lot], points: int) -> int:
    """Takes up to so many points of one part of these lots, in their order; answers with how many there were."""
    drained = 0
    for lot in lots:
        there = getattr(lot, part)
        taken = min(there, points - drained)
        setattr(lot, part, there - taken)
        drained += taken
    return drained


def _fill(lots: Iterable[tuple[Lot, int]], points: int) -> list[tuple[Lot, int]]:
    """What comes of each lot, in their order, until the points are together."""
    parts = []
    for lot, there in lots:
        part = min(points, there)
        if part:
            parts.append((lot, part))
            points -= part
    assert points == 0, "the lots hold less than the wallet says"
    return parts
