"""How points are earned: by table, and by what must hold for all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import uuid7
from services.loyalty.rules import Rule, awards, split_credit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_rule(points: int = 1, per_minor: int = 100, begins: datetime | None = None, ends: datetime | None = None) -> Rule:
    return Rule(uuid7(), 1, points, per_minor, begins, ends)


@pytest.mark.parametrize(
    ("case", "rule", "minor", "points"),
    [
        ("a point a euro", a_rule(), 1299, 12),
        ("floored once", a_rule(3, 200), 199, 2),
        ("nothing for nothing", a_rule(), 0, 0),
        ("nothing for a return", a_rule(), -500, 0),
        ("much for much", a_rule(1_000_000_000, 1), 10**15, 10**15),
    ],
)
def test_points_for_an_order(case: str, rule: Rule, minor: int, points: int) -> None:
    assert rule.points_for(minor) == points


@pytest.mark.parametrize(
    ("case", "begins", "ends", "holds"),
    [
        ("always", None, None, True),
        ("from this moment on", NOON, None, True),
        ("until this moment, which is out", None, NOON, False),
        ("until just after", None, NOON + timedelta(microseconds=1), True),
        ("not yet", NOON + timedelta(microseconds=1), None, False),
    ],
)
def test_a_rule_holds_in_a_half_open_time(
    case: str, begins: datetime | None, ends: datetime | None, holds: bool
) -> None:
    assert a_rule(begins=begins, ends=ends).holds_at(NOON) is holds
    assert bool(awards([a_rule(begins=begins, ends=ends)], 100, NOON)) is holds


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 1000), st.integers(1, 1000))
def test_points_never_fall_when_more_is_spent(less: int, more: int, points: int, per: int) -> None:
    rule = a_rule(points, per)
    assert rule.points_for(min(less, more)) <= rule.points_for(max(less, more))


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_credit_pays_debt_first_and_is_all_used(points: int, debt: int) -> None:
    paid, available = split_credit(points, debt)
    assert paid + available == points
    assert available == 0 or paid == debt
