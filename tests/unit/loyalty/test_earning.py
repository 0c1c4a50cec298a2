"""Earning rules: tables of cases, and invariants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.choices import choices_of
from chassis.types.ids import uuid7
from services.loyalty.points.rules.earning import Rule, active_rules, awards, lifetime, reversed_points
from services.loyalty.points.rules.vocabulary import Rounding

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_rule(
    points: int = 1,
    per_minor: int = 100,
    rounding: Rounding = "full_steps",
    *,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> Rule:
    return Rule(uuid7(), 1, points, per_minor, rounding, begins, ends)


@pytest.mark.parametrize(
    ("case", "rule", "minor", "points"),
    [
        ("a point for each euro", a_rule(), 1299, 12),
        ("none for a step that is not full", a_rule(10, 1000), 999, 0),
        ("full steps only", a_rule(10, 1000), 1999, 10),
        ("full steps of more than a unit", a_rule(3, 200), 999, 12),
        ("a share of a step", a_rule(10, 1000, "proportional"), 999, 9),
        ("steps and a share", a_rule(10, 1000, "proportional"), 1999, 19),
        ("half a step", a_rule(10, 1000, "proportional"), 500, 5),
        ("rounded down once", a_rule(3, 200, "proportional"), 999, 14),
        ("none for zero", a_rule(), 0, 0),
        ("none for a negative amount", a_rule(), -500, 0),
        ("limited to the maximum", a_rule(1_000_000_000, 1), 10**15, 10**15),
    ],
)
def test_points_for_an_order(case: str, rule: Rule, minor: int, points: int) -> None:
    assert rule.points_for(minor) == points


@pytest.mark.parametrize(
    ("case", "begins", "ends", "active"),
    [
        ("always", None, None, True),
        ("from this time on", NOON, None, True),
        ("until this time, exclusive", None, NOON, False),
        ("until just after", None, NOON + timedelta(microseconds=1), True),
        ("not yet", NOON + timedelta(microseconds=1), None, False),
    ],
)
def test_a_rule_is_active_in_a_half_open_period(
    case: str, begins: datetime | None, ends: datetime | None, active: bool
) -> None:
    rule = a_rule(begins=begins, ends=ends)
    assert rule.is_active_at(NOON) is active
    assert bool(awards(active_rules([rule], NOON), 100)) is active


roundings = st.sampled_from(choices_of(Rounding))


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 1000), st.integers(1, 1000), roundings)
def test_points_never_decrease_with_the_amount(less: int, more: int, points: int, per: int, rounding: Rounding) -> None:
    rule = a_rule(points, per, rounding)
    assert rule.points_for(min(less, more)) <= rule.points_for(max(less, more))


@given(
    st.integers(1, 50),
    st.integers(1, 500),
    roundings,
    st.lists(st.integers(1, 5_000), min_size=1, max_size=8),
    st.integers(0, 99),
)
def test_partial_refunds_reverse_as_many_points_as_one_of_their_sum(
    points: int, per_minor: int, rounding: Rounding, parts: list[int], rest: int
) -> None:
    rule = a_rule(points, per_minor, rounding)
    eligible = sum(parts) + rest
    refunded, total = 0, 0
    for part in parts:
        total += reversed_points(rule, eligible, refunded, refunded + part)
        refunded += part
    assert total == reversed_points(rule, eligible, 0, refunded)
    assert total <= rule.points_for(eligible)
    if rest == 0:
        assert total == rule.points_for(eligible)


@pytest.mark.parametrize(
    ("case", "earned", "days", "months", "begins", "ends"),
    [
        ("at once, without expiry", "2026-03-01T12:00:00+00:00", 0, None, "2026-03-01T12:00:00+00:00", None),
        ("a day is 23 hours when the clocks go forward", "2026-03-28T12:00+01:00", 1, None, "2026-03-29T10:00Z", None),
        ("to the end of a short month", "2026-01-31T12:00+01:00", 0, 1, "2026-01-31T11:00Z", "2026-02-28T11:00Z"),
        ("of a leap year", "2027-12-31T12:00+01:00", 0, 2, "2027-12-31T11:00Z", "2028-02-29T11:00Z"),
        ("the zone's year, not UTC's", "2025-12-31T23:30Z", 0, 1, "2025-12-31T23:30Z", "2026-01-31T23:30Z"),
        (
            "the zone's clock in winter and summer",
            "2026-01-15T12:00+01:00",
            0,
            6,
            "2026-01-15T11:00Z",
            "2026-07-15T10:00Z",
        ),
        (
            "months begin when the points can be spent",
            "2026-01-01T00:00Z",
            30,
            12,
            "2026-01-31T00:00Z",
            "2027-01-31T00:00Z",
        ),
    ],
)
def test_the_period_in_which_points_can_be_spent(
    case: str, earned: str, days: int, months: int | None, begins: str, ends: str | None
) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    activates_at, expires_at = lifetime(datetime.fromisoformat(earned), days, months, zone)
    assert activates_at == datetime.fromisoformat(begins)
    assert expires_at == (None if ends is None else datetime.fromisoformat(ends))
