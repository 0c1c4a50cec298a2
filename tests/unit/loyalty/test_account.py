"""Accounts: what must hold of points whatever members, staff, refunds and time do with them, in whatever order."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.ids import uuid7
from services.loyalty.account import OWN_BUCKETS, Account, Lot, Overdrawn, Reason, RefundPolicy, Taken

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def an_account(*lots: tuple[int, float | None], debt: int = 0) -> tuple[Account, list[Lot]]:
    """An account that earned these points on the first days, each with the day on which they are over."""
    account = Account(uuid7())
    made = []
    for number, (points, over) in enumerate(lots):
        lot = Lot(uuid7(), uuid7(), points, day(number / 100), None if over is None else day(over))
        account.settle(day(number / 100))
        account.credit(why("earn", lot.source_id), lot)
        made.append(lot)
    if debt:
        account.withdraw(why("adjust"), account.available + debt, owing=True)
    return account, made


def why(kind: str, source_id: UUID | None = None, at: datetime = START) -> Reason:
    return Reason(kind, "test", source_id or uuid7(), at)


def buckets(account: Account) -> tuple[int, int, int, int]:
    return account.pending, account.available, account.reserved, account.debt


def test_the_first_over_are_spent_first() -> None:
    account, (later, never, sooner) = an_account((5, 20), (5, None), (5, 10))
    account.spend(why("capture"), 7)
    assert [lot.remaining for lot in (sooner, later, never)] == [0, 3, 5]


def test_points_end_in_the_moment_in_which_they_are_over_and_not_before() -> None:
    account, _ = an_account((5, 10))
    just_before, at_once = deepcopy(account), account
    just_before.settle(day(10) - timedelta(microseconds=1))
    at_once.settle(day(10))
    assert (just_before.available, at_once.available) == (5, 0)
    with pytest.raises(Overdrawn):
        at_once.spend(why("capture"), 1)


def test_pending_points_pay_a_debt_when_they_become_due() -> None:
    account, _ = an_account((1, None), debt=4)
    lot = Lot(uuid7(), uuid7(), 10, day(14), None)
    assert account.credit(why("earn"), lot) == 0
    assert buckets(account) == (10, 0, 0, 4)
    account.settle(day(14))
    assert buckets(account) == (0, 6, 0, 0)
    assert [(one.what, one.points, one.debt_paid) for one in account.settled] == [("activated", 10, 4)]


def test_points_told_of_when_they_are_over_pay_no_debt() -> None:
    account, _ = an_account((1, None), debt=4)
    account.settle(day(6))
    assert account.credit(why("earn"), Lot(uuid7(), uuid7(), 10, day(0), day(5))) == 0
    assert buckets(account) == (0, 0, 0, 4)


def test_released_points_go_back_to_their_lots_those_that_last_longest_first() -> None:
    account, (sooner, later) = an_account((5, 10), (5, 20))
    hold = account.reserve(why("reserve"), 10, day(30))
    account.withdraw(why("adjust"), 4, owing=True)
    assert account.release(hold.id, day(1)) == (4, 0)
    assert [lot.remaining for lot in (sooner, later)] == [1, 5]


def test_released_points_whose_time_is_over_expire_at_once() -> None:
    account, (_, later) = an_account((5, 10), (5, 20))
    hold = account.reserve(why("reserve"), 8, day(30))
    account.settle(day(12))
    assert account.release(hold.id, day(12)) == (0, 5)
    assert (buckets(account), later.remaining) == ((0, 5, 0, 0), 5)


def test_a_hold_over_a_lots_end_is_captured() -> None:
    account, _ = an_account((5, 10))
    hold = account.reserve(why("reserve"), 5, day(30))
    account.settle(day(20))
    account.capture(hold.id, day(20))
    assert buckets(account) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "expected"), [("debt", (0, 0, 2, 6)), ("within_balance", (0, 0, 2, 0)), ("only_pending", (0, 2, 2, 0))]
)
def test_a_refund_of_what_is_spent_or_held_goes_by_the_programs_policy(
    policy: RefundPolicy, expected: tuple[int, int, int, int]
) -> None:
    account, (own, _) = an_account((10, 5), (2, None))
    account.spend(why("capture"), 8)
    account.reserve(why("reserve"), 2, day(30))
    account.take_back(why("reverse"), 8, own.source_id, policy)
    assert buckets(account) == expected


def test_a_refund_takes_what_is_pending_of_its_purchase_first_and_nothing_pending_of_others() -> None:
    account = Account(uuid7())
    own, other = (Lot(uuid7(), uuid7(), 10, day(14), None) for _ in range(2))
    for lot in (own, other):
        account.settle(day(0))
        account.credit(why("earn"), lot)
    assert account.take_back(why("reverse"), 4, own.source_id, "only_pending") == Taken(4, 0, 0, 0)
    assert account.take_back(why("reverse"), 8, own.source_id, "only_pending") == Taken(6, 0, 0, 0)
    assert (own.pending, other.pending) == (0, 10)


def test_a_member_does_not_lose_twice_what_expired_unspent() -> None:
    account, (own, other) = an_account((10, 5), (10, None))
    account.settle(day(6))
    assert account.take_back(why("reverse"), 10, own.source_id, "debt") == Taken(0, 0, 10, 0)
    assert (buckets(account), other.remaining) == ((0, 10, 0, 0), 10)


def test_points_taken_by_hand_are_there_or_owed() -> None:
    account, _ = an_account((5, None))
    with pytest.raises(Overdrawn):
        account.withdraw(why("adjust"), 6, owing=False)
    account.withdraw(why("adjust"), 6, owing=True)
    assert buckets(account) == (0, 0, 0, 1)


def test_time_does_not_go_back() -> None:
    """Who waited for the account while another one let points expire must not put points back into what is over."""
    account, (lot,) = an_account((10, 5))
    hold = account.reserve(why("reserve"), 4, day(30))
    account.settle(day(6))
    account.settle(day(4))  # somebody who began earlier
    assert account.now == day(6)
    assert account.release(hold.id, account.now) == (0, 4)
    account.settle(day(7))
    assert (buckets(account), lot.expired) == ((0, 0, 0, 0), 10)
    keys = [(move.reason, move.to_bucket) for move in account.moves]
    assert len(set(keys)) == len(keys)


# Whatever happens


@dataclass
class Story:
    """An account to which much happens on its days; ids are few, so that captures and refunds find their match."""

    policy: RefundPolicy
    pending_days: int
    living_days: int | None
    account: Account = field(default_factory=lambda: Account(UUID(int=1)))
    earned: Counter[int] = field(default_factory=Counter)
    reversed: Counter[int] = field(default_factory=Counter)
    refused: int = 0

    def tell(self, today: int, what: str, number: int, points: int) -> None:
        """Lets one thing happen on a day, as the features do it: settled first."""
        now = day(today)
        self.account.settle(now)
        reason = Reason(what, "test", UUID(int=len(self.account.moves) + 10_000), now)
        acts: dict[str, Callable[[], None]] = {
            "earn": lambda: self._earn(reason, number, points, now, now),
            "earn late": lambda: self._earn(reason, number, points, now - timedelta(days=points), now),
            "refund": lambda: self._refund(reason, number, points),
            "reserve": lambda: self._reserve(reason, number, points, now),
            "spend": lambda: self._spend(reason, points),
            "capture": lambda: self._if_held(number, lambda hold: self.account.capture(hold, now)),
            "release": lambda: self._if_held(number, lambda hold: self.account.release(hold, now)),
            "owe": lambda: self.account.withdraw(reason, points, owing=True),
            "give": lambda: self._give(reason, points, now),
            "sweep": lambda: None,
        }
        acts[what]()

    def _earn(self, reason: Reason, number: int, points: int, at: datetime, now: datetime) -> None:
        begins = at + timedelta(days=self.pending_days)
        over = None if self.living_days is None else begins + timedelta(days=self.living_days)
        lot = Lot(UUID(int=1_000 + len(self.account.moves)), UUID(int=number), points, begins, over)
        self.earned[number] += points
        self.account.credit(reason, lot)

    def _give(self, reason: Reason, points: int, now: datetime) -> None:
        lot = Lot(UUID(int=1_000 + len(self.account.moves)), UUID(int=99), points, now, None)
        self.account.credit(reason, lot, "adjusted")

    def _refund(self, reason: Reason, number: int, points: int) -> None:
        wanted = min(points, self.earned[number] - self.reversed[number])
        held, pending = self.account.reserved, self.account.pending
        of_own = sum(lot.pending for lot in self.account.lots.values() if lot.source_id == UUID(int=number))
        taken = self.account.take_back(reason, wanted, UUID(int=number), self.policy)
        self.reversed[number] += wanted
        assert self.account.reserved == held, "a refund takes nothing that is held"
        assert pending - self.account.pending == min(wanted, of_own), "pending points go back first, its own only"
        assert taken.points <= wanted
        if self.policy == "debt":
            assert taken.points == wanted, "what is not there is owed"

    def _reserve(self, reason: Reason, number: int, points: int, now: datetime) -> None:
        hold_id = UUID(int=number)
        if points > self.account.available:
            with pytest.raises(Overdrawn):
                self.account.reserve(Reason("reserve", "test", hold_id, now), points, now + timedelta(days=3))
            self.refused += 1
        elif hold_id not in self.account.holds:
            before = self._left()
            self.account.reserve(Reason("reserve", "test", hold_id, now), points, now + timedelta(days=3))
            self._took_the_first_over(before)

    def _spend(self, reason: Reason, points: int) -> None:
        if points > self.account.available:
            with pytest.raises(Overdrawn):
                self.account.spend(reason, points)
            self.refused += 1
        else:
            before = self._left()
            self.account.spend(reason, points)
            self._took_the_first_over(before)

    def _if_held(self, number: int, act: Callable[[UUID], object]) -> None:
        if UUID(int=number) in self.account.holds:
            act(UUID(int=number))

    def _left(self) -> dict[UUID, int]:
        return {lot.id: lot.remaining for lot in self.account.lots.values()}

    def _took_the_first_over(self, before: dict[UUID, int]) -> None:
        lots = self.account.lots.values()
        taken = [lot.turn for lot in lots if lot.remaining < before[lot.id]]
        left = [lot.turn for lot in lots if lot.remaining]
        assert not taken or not left or max(taken) <= min(left)

    def check(self, now: datetime) -> None:
        """What holds after each step."""
        account, lots = self.account, self.account.lots.values()
        folded: Counter[str] = Counter()
        for move in account.moves:
            assert move.points > 0
            folded[move.from_bucket] -= move.points
            folded[move.to_bucket] += move.points
        assert sum(folded.values()) == 0
        assert buckets(account) == tuple(-folded[name] if name == "debt" else folded[name] for name in OWN_BUCKETS), (
            "a wallet is the fold of its entries"
        )
        assert account.pending == sum(lot.pending for lot in lots)
        assert account.available == sum(lot.remaining for lot in lots)
        assert account.reserved == sum(hold.points for hold in account.holds.values())
        assert folded["expired"] == sum(lot.expired for lot in lots)
        assert min(buckets(account)) >= 0
        assert account.available == 0 or account.debt == 0
        assert not any(lot.remaining for lot in lots if lot.over_by(now)), "what is over cannot be spent"
        assert not any(lot.pending for lot in lots if lot.activates_at <= now)
        assert all(hold.ends_at > now for hold in account.holds.values())
        assert all(lot.pending + lot.remaining + lot.expired <= lot.original for lot in lots)
        assert (account.next_due() or day(9_999)) > now


ACTS = ("earn", "earn late", "refund", "reserve", "spend", "capture", "release", "owe", "give", "sweep")
steps = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(ACTS), st.integers(1, 3), st.integers(1, 12)), min_size=1, max_size=40
)
programs = st.tuples(st.sampled_from(get_args(RefundPolicy)), st.sampled_from([0, 2]), st.sampled_from([None, 4, 9]))


def told(program: tuple[str, int, int | None], what: list[tuple[int, str, int, int]], *, sweeps: bool) -> Story:
    policy, pending_days, living_days = program
    story = Story(cast(RefundPolicy, policy), pending_days, living_days)
    today = 0
    for days, act, number, points in what:
        for between in range(days):
            if sweeps:
                story.account.settle(day(today + between))
        today += days
        story.tell(today, act, number, points)
        story.check(day(today))
    story.account.settle(day(today + 30))
    story.check(day(today + 30))
    return story


@settings(max_examples=400)
@given(programs, steps)
def test_the_book_is_sound_after_every_step(
    program: tuple[str, int, int | None], what: list[tuple[int, str, int, int]]
) -> None:
    story = told(program, what, sweeps=False)
    keys = Counter((move.reason, move.from_bucket, move.to_bucket) for move in story.account.moves)
    assert max(keys.values(), default=1) == 1, "no reason moves points twice between the same buckets"


@settings(max_examples=300)
@given(programs, steps)
def test_it_makes_no_difference_when_somebody_looks(
    program: tuple[str, int, int | None], what: list[tuple[int, str, int, int]]
) -> None:
    never, often = told(program, what, sweeps=False), told(program, what, sweeps=True)
    assert buckets(never.account) == buckets(often.account)
    assert [lot.state for lot in never.account.lots.values()] == [lot.state for lot in often.account.lots.values()]
    assert never.refused == often.refused
    assert [(one.what, one.at, one.points) for one in never.account.settled] == [
        (one.what, one.at, one.points) for one in often.account.settled
    ]


@given(st.integers(1, 50), st.sampled_from([0, 2]), st.sampled_from([None, 4]), st.lists(st.integers(1, 9)))
def test_a_full_refund_leaves_nothing_of_the_purchase(
    points: int, pending_days: int, living_days: int | None, parts: list[int]
) -> None:
    """Whenever it comes: while the points are pending, while they can be spent, after they are over."""
    for on_day in (0, 3, 30):
        story = Story("debt", pending_days, living_days)
        story.tell(0, "earn", 1, points)
        for part in [*parts, points]:
            story.tell(on_day, "refund", 1, part)
        assert buckets(story.account) == (0, 0, 0, 0)
        assert sum(move.points for move in story.account.moves if move.to_bucket == "reversed") == points
