"""Accounts: the invariants of points hold after actions of members, staff, refunds and time in any order."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.types.choices import choices_of
from chassis.types.ids import uuid7
from services.loyalty.points.rules.account import Account, InsufficientPoints
from services.loyalty.points.rules.lots import Lot
from services.loyalty.points.rules.moves import Reason, Reversal
from services.loyalty.points.rules.vocabulary import WALLET_BUCKETS, RefundPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def an_account(*lots: tuple[int, float | None], debt: int = 0) -> tuple[Account, list[Lot]]:
    """Return an account and its lots, each with these points and the day on which it expires."""
    account = Account(uuid7())
    credited: list[Lot] = []
    for number, (points, expires) in enumerate(lots):
        lot = Lot(uuid7(), uuid7(), points, day(number / 100), None if expires is None else day(expires))
        account.settle(day(number / 100))
        account.credit(a_reason("earn", lot.source_id), lot)
        credited.append(lot)
    if debt:
        account.deduct(a_reason("adjust"), account.available + debt, allow_debt=True)
    return account, credited


def a_reason(kind: str, source_id: UUID | None = None, at: datetime = START) -> Reason:
    return Reason(kind, "test", source_id or uuid7(), at)


def buckets(account: Account) -> tuple[int, int, int, int]:
    return account.pending, account.available, account.reserved, account.debt


def test_lots_that_expire_first_are_spent_first() -> None:
    account, (later, never, sooner) = an_account((5, 20), (5, None), (5, 10))
    account.spend(a_reason("capture"), 7)
    assert [lot.remaining for lot in (sooner, later, never)] == [0, 3, 5]


def test_points_expire_at_the_time_of_their_expiry_and_not_before() -> None:
    account, _ = an_account((5, 10))
    just_before, at_once = deepcopy(account), account
    just_before.settle(day(10) - timedelta(microseconds=1))
    at_once.settle(day(10))
    assert (just_before.available, at_once.available) == (5, 0)
    with pytest.raises(InsufficientPoints):
        at_once.spend(a_reason("capture"), 1)


def test_pending_points_pay_a_debt_when_they_activate() -> None:
    account, _ = an_account((1, None), debt=4)
    lot = Lot(uuid7(), uuid7(), 10, day(14), None)
    assert account.credit(a_reason("earn"), lot) == 0
    assert buckets(account) == (10, 0, 0, 4)
    account.settle(day(14))
    assert buckets(account) == (0, 6, 0, 0)
    assert [(effect.kind, effect.points, effect.debt_paid) for effect in account.due_effects] == [("activated", 10, 4)]


def test_points_credited_after_their_expiry_pay_no_debt() -> None:
    account, _ = an_account((1, None), debt=4)
    account.settle(day(6))
    assert account.credit(a_reason("earn"), Lot(uuid7(), uuid7(), 10, day(0), day(5))) == 0
    assert buckets(account) == (0, 0, 0, 4)


def test_released_points_return_to_their_lots_last_to_expire_first() -> None:
    account, (sooner, later) = an_account((5, 10), (5, 20))
    hold = account.reserve(a_reason("reserve"), 10, day(30))
    account.deduct(a_reason("adjust"), 4, allow_debt=True)
    assert account.release(hold.id, day(1)) == (4, 0)
    assert [lot.remaining for lot in (sooner, later)] == [1, 5]


def test_released_points_of_an_expired_lot_expire_at_once() -> None:
    account, (_, later) = an_account((5, 10), (5, 20))
    hold = account.reserve(a_reason("reserve"), 8, day(30))
    account.settle(day(12))
    assert account.release(hold.id, day(12)) == (0, 5)
    assert (buckets(account), later.remaining) == ((0, 5, 0, 0), 5)


def test_released_points_of_an_expired_lot_pay_no_debt() -> None:
    account, (sooner, later) = an_account((5, 10), (5, 20))
    hold = account.reserve(a_reason("reserve"), 10, day(30))
    account.deduct(a_reason("adjust"), 7, allow_debt=True)
    account.settle(day(12))
    assert account.release(hold.id, day(12)) == (5, 5)
    assert (buckets(account), sooner.state, later.state) == ((0, 0, 0, 2), (0, 0, 5), (0, 0, 0))
    assert [(move.to_bucket, move.points) for move in account.moves[-2:]] == [("expired", 5), ("debt", 5)]


def test_a_hold_that_ends_after_the_expiry_of_its_lot_pays_no_debt() -> None:
    account, (lot,) = an_account((5, 10))
    account.reserve(a_reason("reserve"), 5, day(10))  # both at the same time: the points expire first
    account.deduct(a_reason("adjust"), 3, allow_debt=True)
    account.settle(day(11))
    assert (buckets(account), lot.expired) == ((0, 0, 0, 3), 5)
    (released,) = account.due_effects
    assert (released.kind, released.points, released.debt_paid, released.expired) == ("released", 5, 0, 5)


def test_a_hold_can_be_captured_after_its_lot_has_expired() -> None:
    account, _ = an_account((5, 10))
    hold = account.reserve(a_reason("reserve"), 5, day(30))
    account.settle(day(20))
    account.capture(hold.id, day(20))
    assert buckets(account) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "expected"), [("debt", (0, 0, 2, 6)), ("within_balance", (0, 0, 2, 0)), ("only_pending", (0, 2, 2, 0))]
)
def test_a_refund_of_spent_or_held_points_follows_the_programs_policy(
    policy: RefundPolicy, expected: tuple[int, int, int, int]
) -> None:
    account, (own, _) = an_account((10, 5), (2, None))
    account.spend(a_reason("capture"), 8)
    account.reserve(a_reason("reserve"), 2, day(30))
    account.reverse(a_reason("reverse"), 8, own.source_id, policy)
    assert buckets(account) == expected


def test_a_refund_reverses_pending_points_of_its_own_purchase_only() -> None:
    account = Account(uuid7())
    own, other = (Lot(uuid7(), uuid7(), 10, day(14), None) for _ in range(2))
    for lot in (own, other):
        account.settle(day(0))
        account.credit(a_reason("earn"), lot)
    assert account.reverse(a_reason("reverse"), 4, own.source_id, "only_pending") == Reversal(4, 0, 0, 0)
    assert account.reverse(a_reason("reverse"), 8, own.source_id, "only_pending") == Reversal(6, 0, 0, 0)
    assert (own.pending, other.pending) == (0, 10)


def test_points_that_expired_unspent_are_not_lost_twice() -> None:
    account, (own, other) = an_account((10, 5), (10, None))
    account.settle(day(6))
    assert account.reverse(a_reason("reverse"), 10, own.source_id, "debt") == Reversal(0, 0, 10, 0)
    assert (buckets(account), other.remaining) == ((0, 10, 0, 0), 10)


def test_deducted_points_are_available_or_become_a_debt() -> None:
    account, _ = an_account((5, None))
    with pytest.raises(InsufficientPoints):
        account.deduct(a_reason("adjust"), 6, allow_debt=False)
    account.deduct(a_reason("adjust"), 6, allow_debt=True)
    assert buckets(account) == (0, 0, 0, 1)


def test_the_time_of_an_account_does_not_go_back() -> None:
    """A transaction that waited while another let points expire must not return points to an expired lot."""
    account, (lot,) = an_account((10, 5))
    hold = account.reserve(a_reason("reserve"), 4, day(30))
    account.settle(day(5))
    account.settle(day(5) - timedelta(seconds=40))  # a transaction that began earlier
    assert account.now == day(5)
    assert account.release(hold.id, account.now) == (0, 4)
    account.settle(day(7))
    assert (buckets(account), lot.expired) == ((0, 0, 0, 0), 10)
    keys = [(move.reason, move.to_bucket) for move in account.moves]
    assert len(set(keys)) == len(keys)


def test_an_account_that_a_clock_ahead_has_settled_returns_to_the_right_time() -> None:
    account, _ = an_account((10, 5))
    account.settle(day(400))
    account.settle(day(1))
    assert account.now == day(1)
    earned = Lot(uuid7(), uuid7(), 7, day(1), day(20))
    account.credit(a_reason("earn"), earned)
    hold = account.reserve(a_reason("reserve"), 3, day(2))
    account.settle(day(2))
    assert (buckets(account), hold.id in account.holds) == ((0, 7, 0, 0), False)


def test_points_that_return_to_a_lot_which_a_clock_ahead_let_expire_can_be_spent_until_its_expiry() -> None:
    account, (lot,) = an_account((10, 5))
    hold = account.reserve(a_reason("reserve"), 4, day(30))
    account.settle(day(6))
    account.settle(day(1))
    assert account.release(hold.id, day(1)) == (0, 0)
    assert buckets(account) == (0, 4, 0, 0)
    account.settle(day(5))
    assert (buckets(account), lot.expired) == ((0, 0, 0, 0), 6)
    keys = [(move.reason, move.to_bucket) for move in account.moves]
    assert len(set(keys)) == len(keys)


def test_restored_points_pay_a_debt_and_keep_the_expiry_of_their_lot() -> None:
    account, (lot,) = an_account((10, 5))
    account.settle(day(400))
    account.deduct(a_reason("adjust"), 3, allow_debt=True)
    account.settle(day(1))
    assert account.restore(a_reason("adjust"), [(lot, 10)]) == 10
    assert (buckets(account), lot.expired) == ((0, 7, 0, 0), 0)
    account.settle(day(5))
    assert buckets(account) == (0, 0, 0, 0)
    assert [move.points for move in account.moves if move.to_bucket == "expired"] == [10, 7]


def test_effects_are_applied_in_order_up_to_the_last_that_is_loaded() -> None:
    account, (sooner, later) = an_account((5, 10), (6, 20))
    account.settle(day(30), through=(day(10), 1, sooner.activates_at, sooner.id))
    assert (account.available, account.now, account.next_due()) == (6, day(10), day(20))
    account.settle(day(30))
    assert (account.available, account.now, later.expired) == (0, day(30), 6)


def test_points_are_not_taken_from_lots_whose_predecessors_are_not_loaded() -> None:
    account, (first, second) = an_account((5, 10), (5, 20))
    account.spendable_through = first.spend_order
    assert account.spendable_points() == 5
    with pytest.raises(AssertionError):
        account.spend(a_reason("capture"), 6)
    with pytest.raises(AssertionError):
        account.reverse(a_reason("reverse"), 6, uuid7(), "debt")
    assert second.remaining == 5


# Random stories


@dataclass
class Story:
    """A random history of an account. There are few ids, so that captures and refunds find their match."""

    policy: RefundPolicy
    pending_days: int
    living_days: int | None
    account: Account = field(default_factory=lambda: Account(UUID(int=1)))
    earned: Counter[int] = field(default_factory=Counter)
    reversed: Counter[int] = field(default_factory=Counter)
    rejected: int = 0

    def act(self, today: int, action: str, number: int, points: int) -> None:
        """Perform an action on a day, as the features do: settle first."""
        now = day(today)
        self.account.settle(now)
        reason = Reason(action, "test", UUID(int=len(self.account.moves) + 10_000), now)
        actions: dict[str, Callable[[], None]] = {
            "earn": lambda: self._earn(reason, number, points, now, now),
            "earn late": lambda: self._earn(reason, number, points, now - timedelta(days=points), now),
            "refund": lambda: self._refund(reason, number, points),
            "reserve": lambda: self._reserve(reason, number, points, now),
            "spend": lambda: self._spend(reason, points),
            "capture": lambda: self._if_held(number, lambda hold: self.account.capture(hold, now)),
            "release": lambda: self._if_held(number, lambda hold: self._release(hold, now)),
            "owe": lambda: self.account.deduct(reason, points, allow_debt=True),
            "give": lambda: self._give(reason, points, now),
            "sweep": lambda: None,
            "clock ahead": lambda: self.account.settle(now + timedelta(days=points)),
            "restore": lambda: self._restore(now),
        }
        actions[action]()

    def _earn(self, reason: Reason, number: int, points: int, at: datetime, now: datetime) -> None:
        begins = at + timedelta(days=self.pending_days)
        ends = None if self.living_days is None else begins + timedelta(days=self.living_days)
        lot = Lot(UUID(int=1_000 + len(self.account.moves)), UUID(int=number), points, begins, ends)
        self.earned[number] += points
        self.account.credit(reason, lot)

    def _give(self, reason: Reason, points: int, now: datetime) -> None:
        lot = Lot(UUID(int=1_000 + len(self.account.moves)), UUID(int=99), points, now, None)
        self.account.credit(reason, lot, "adjusted")

    def _restore(self, now: datetime) -> None:
        for lot in list(self.account.lots.values()):
            if lot.expired and not lot.is_expired_at(now):
                self.account.restore(Reason("restore", "test", lot.id, now), [(lot, lot.expired)])

    def _refund(self, reason: Reason, number: int, points: int) -> None:
        requested = min(points, self.earned[number] - self.reversed[number])
        held, pending = self.account.reserved, self.account.pending
        of_own = sum(lot.pending for lot in self.account.lots.values() if lot.source_id == UUID(int=number))
        reversal = self.account.reverse(reason, requested, UUID(int=number), self.policy)
        self.reversed[number] += requested
        assert self.account.reserved == held, "a refund reverses no held points"
        assert pending - self.account.pending == min(requested, of_own), "own pending points are reversed first"
        assert reversal.points <= requested
        if self.policy == "debt":
            assert reversal.points == requested, "missing points become a debt"

    def _reserve(self, reason: Reason, number: int, points: int, now: datetime) -> None:
        hold_id = UUID(int=number)
        if points > self.account.available:
            with pytest.raises(InsufficientPoints):
                self.account.reserve(Reason("reserve", "test", hold_id, now), points, now + timedelta(days=3))
            self.rejected += 1
        elif hold_id not in self.account.holds:
            before = self._left()
            self.account.reserve(Reason("reserve", "test", hold_id, now), points, now + timedelta(days=3))
            self._check_spend_order(before)

    def _spend(self, reason: Reason, points: int) -> None:
        if points > self.account.available:
            with pytest.raises(InsufficientPoints):
                self.account.spend(reason, points)
            self.rejected += 1
        else:
            before = self._left()
            self.account.spend(reason, points)
            self._check_spend_order(before)

    def _if_held(self, number: int, act: Callable[[UUID], object]) -> None:
        if UUID(int=number) in self.account.holds:
            act(UUID(int=number))

    def _release(self, hold_id: UUID, now: datetime) -> None:
        account, hold = self.account, self.account.holds[hold_id]
        expired = sum(points for lot_id, points in hold.allocations if account.lots[lot_id].is_expired_at(now))
        debt = account.debt
        assert account.release(hold_id, now) == (min(debt, hold.points - expired), expired)

    def _left(self) -> dict[UUID, int]:
        return {lot.id: lot.remaining for lot in self.account.lots.values()}

    def _check_spend_order(self, before: dict[UUID, int]) -> None:
        lots = self.account.lots.values()
        spent = [lot.spend_order for lot in lots if lot.remaining < before[lot.id]]
        left = [lot.spend_order for lot in lots if lot.remaining]
        assert not spent or not left or max(spent) <= min(left)

    def check(self, now: datetime) -> None:
        """Check the invariants, which hold after each step."""
        account, lots = self.account, self.account.lots.values()
        sums: Counter[str] = Counter()
        for move in account.moves:
            assert move.points > 0
            sums[move.from_bucket] -= move.points
            sums[move.to_bucket] += move.points
        assert sum(sums.values()) == 0
        assert buckets(account) == tuple(-sums[name] if name == "debt" else sums[name] for name in WALLET_BUCKETS), (
            "a wallet is the sum of its moves"
        )
        assert account.pending == sum(lot.pending for lot in lots)
        assert account.available == sum(lot.remaining for lot in lots)
        assert account.reserved == sum(hold.points for hold in account.holds.values())
        assert sums["expired"] == sum(lot.expired for lot in lots)
        assert min(buckets(account)) >= 0
        assert account.available == 0 or account.debt == 0
        assert not any(lot.remaining for lot in lots if lot.is_expired_at(now)), "expired points cannot be spent"
        assert not any(lot.pending for lot in lots if lot.activates_at <= now)
        assert all(hold.ends_at > now for hold in account.holds.values())
        assert all(lot.pending + lot.remaining + lot.expired <= lot.original for lot in lots)
        assert (account.next_due() or day(9_999)) > now


ACTIONS = ("earn", "earn late", "refund", "reserve", "spend", "capture", "release", "owe", "give", "sweep")
WRONG_CLOCK = ("clock ahead", "restore")
numbers = st.integers(1, 3), st.integers(1, 12)
steps = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(ACTIONS), *numbers), min_size=1, max_size=40)
programs = st.tuples(st.sampled_from(choices_of(RefundPolicy)), st.sampled_from([0, 2]), st.sampled_from([None, 4, 9]))


def play(program: tuple[str, int, int | None], history: list[tuple[int, str, int, int]], *, sweeps: bool) -> Story:
    policy, pending_days, living_days = program
    story = Story(cast(RefundPolicy, policy), pending_days, living_days)
    today = 0
    for days, action, number, points in history:
        for between in range(days):
            if sweeps:
                story.account.settle(day(today + between))
        today += days
        story.act(today, action, number, points)
        story.check(day(today))
    story.account.settle(day(today + 30))
    story.check(day(today + 30))
    return story


@settings(max_examples=400)
@given(programs, steps)
def test_the_invariants_hold_after_every_step(
    program: tuple[str, int, int | None], history: list[tuple[int, str, int, int]]
) -> None:
    story = play(program, history, sweeps=False)
    keys = Counter((move.reason, move.from_bucket, move.to_bucket) for move in story.account.moves)
    assert max(keys.values(), default=1) == 1, "no reason moves points twice between the same buckets"


@settings(max_examples=400)
@given(
    programs, st.lists(st.tuples(st.integers(0, 4), st.sampled_from((*ACTIONS, *WRONG_CLOCK)), *numbers), max_size=40)
)
def test_the_invariants_hold_while_a_clock_is_ahead_at_times(
    program: tuple[str, int, int | None], history: list[tuple[int, str, int, int]]
) -> None:
    story = play(program, history, sweeps=False)
    moves = [move for move in story.account.moves if move.reason.source_type == "lot"]
    keys = Counter((move.reason.kind, move.reason.source_id, move.from_bucket, move.to_bucket) for move in moves)
    assert max(keys.values(), default=1) == 1, "a lot activates and expires once"


@settings(max_examples=300)
@given(programs, steps)
def test_results_do_not_depend_on_when_the_account_is_settled(
    program: tuple[str, int, int | None], history: list[tuple[int, str, int, int]]
) -> None:
    never, often = play(program, history, sweeps=False), play(program, history, sweeps=True)
    assert buckets(never.account) == buckets(often.account)
    assert [lot.state for lot in never.account.lots.values()] == [lot.state for lot in often.account.lots.values()]
    assert never.rejected == often.rejected
    assert [(effect.kind, effect.at, effect.points) for effect in never.account.due_effects] == [
        (effect.kind, effect.at, effect.points) for effect in often.account.due_effects
    ]


@given(st.integers(1, 50), st.sampled_from([0, 2]), st.sampled_from([None, 4]), st.lists(st.integers(1, 9)))
def test_a_full_refund_reverses_every_point_of_the_purchase(
    points: int, pending_days: int, living_days: int | None, parts: list[int]
) -> None:
    """The refund is tested while the points are pending, while they are available, and after they have expired."""
    for on_day in (0, 3, 30):
        story = Story("debt", pending_days, living_days)
        story.act(0, "earn", 1, points)
        for part in [*parts, points]:
            story.act(on_day, "refund", 1, part)
        assert buckets(story.account) == (0, 0, 0, 0)
        assert sum(move.points for move in story.account.moves if move.to_bucket == "reversed") == points
