"""Receipts: expiry, confirmation, and the history of customers that were merged."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from services.customers.permission.rules.decisions import (
    ConsentDecision,
    PermissionReason,
    may_confirm,
    permission,
)


@dataclass(frozen=True)
class Receipt:
    """A receipt with the fields that decide."""

    decision: ConsentDecision
    decided_at: datetime
    expires_at: datetime | None = None
    id: UUID = field(default_factory=uuid7)


def day(number: int) -> datetime:
    return datetime(2026, 5, number, tzinfo=UTC)


def granted(number: int, until: int | None = None) -> Receipt:
    return Receipt("granted", day(number), None if until is None else day(until))


def withdrawn(number: int) -> Receipt:
    return Receipt("withdrawn", day(number))


def pending(number: int, until: int = 31) -> Receipt:
    return Receipt("pending", day(number), day(until))


@pytest.mark.parametrize(
    ("case", "receipts", "at", "reason"),
    [
        ("a grant permits until it expires", [granted(1, until=5)], 4, "granted"),
        ("a grant does not permit at the moment it expires", [granted(1, until=5)], 5, "expired"),
        ("a longer grant of earlier does not replace an expired one", [granted(1), granted(2, until=5)], 6, "expired"),
        ("of grants at one moment the shorter counts", [granted(1, until=5), granted(1)], 6, "expired"),
        ("a renewed grant permits", [granted(1, until=5), granted(4)], 6, "granted"),
        ("a decision of later is not known yet", [granted(1), withdrawn(5)], 4, "granted"),
        ("a request permits nothing", [pending(1)], 2, "pending"),
        ("a request that has expired is as none", [pending(1, until=3)], 3, "never_asked"),
        ("a request undoes no withdrawal", [withdrawn(1), pending(2)], 3, "withdrawn"),
        ("a request undoes no grant", [granted(1), pending(2)], 3, "granted"),
    ],
)
def test_permission(case: str, receipts: Sequence[Receipt], at: int, reason: PermissionReason) -> None:
    assert permission(receipts, day(at))[0] == reason


@pytest.mark.parametrize(
    ("case", "histories", "reason"),
    [
        ("A granted 1 May, B withdrew 3 May", [[granted(1)], [withdrawn(3)]], "withdrawn"),
        ("A withdrew 1 May, B granted 3 May", [[withdrawn(1)], [granted(3)]], "granted"),
        ("both on 1 May", [[granted(1)], [withdrawn(1)]], "withdrawn"),
        ("both on 1 May, the other way round", [[withdrawn(1)], [granted(1)]], "withdrawn"),
        ("A granted, B was asked", [[granted(1)], [pending(3)]], "granted"),
    ],
)
def test_a_merged_customer(case: str, histories: Sequence[Sequence[Receipt]], reason: PermissionReason) -> None:
    receipts = [each for history in histories for each in history]
    assert permission(receipts, day(9))[0] == reason
    assert permission(receipts[::-1], day(9))[0] == reason


@pytest.mark.parametrize(
    ("case", "others", "at", "may"),
    [
        ("in time", [], 3, True),
        ("too late", [], 31, False),
        ("after a withdrawal of before the request", [withdrawn(1)], 3, True),
        ("after a withdrawal since the request", [withdrawn(3)], 4, False),
        ("after a withdrawal at the moment of the request", [withdrawn(2)], 4, False),
    ],
)
def test_confirmation(case: str, others: Sequence[Receipt], at: int, may: bool) -> None:
    request = pending(2)
    assert may_confirm(request, [request, *others], day(at)) is may


RECEIPTS = st.lists(
    st.builds(
        Receipt,
        st.sampled_from(["granted", "withdrawn", "pending"]),
        st.integers(1, 5).map(day),
        st.none() | st.integers(6, 9).map(day),
        st.uuids(),
    ).map(lambda each: replace(each, expires_at=None) if each.decision == "withdrawn" else each),
    max_size=6,
)


@given(RECEIPTS, RECEIPTS, st.randoms())
def test_a_withdrawal_is_undone_by_a_later_grant_alone(
    own: list[Receipt], others: list[Receipt], chance: object
) -> None:
    """Merge, import, batch and replay only add receipts, repeat them, or bring them into another order."""
    replayed = [*own, *others, *own]
    chance.shuffle(replayed)  # type: ignore[attr-defined]
    reason, receipt = permission(replayed, day(8))
    withdrawals = [each.decided_at for each in [*own, *others] if each.decision == "withdrawn"]
    if reason == "granted":
        assert receipt is not None
        assert all(withdrawal < receipt.decided_at for withdrawal in withdrawals)
    expected, _ = permission([*own, *others], day(8))
    assert reason == expected


@given(RECEIPTS, RECEIPTS)
def test_a_merge_permits_nothing_that_neither_customer_permitted(own: list[Receipt], others: list[Receipt]) -> None:
    merged, _ = permission([*own, *others], day(8))
    if merged == "granted":
        assert "granted" in (permission(own, day(8))[0], permission(others, day(8))[0])
