"""The rules of promises: their state at a time, their warning, and how many are kept."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.helpdesk.rules.promises import PromiseState, keeping_rate, state_at, warning_at

DUE = datetime(2026, 3, 3, 10, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("stored", "now", "state"),
    [
        ("open", DUE, "open"),
        ("open", DUE + INSTANT, "broken"),
        ("kept", DUE + INSTANT, "kept"),
        ("withdrawn", DUE + INSTANT, "withdrawn"),
        ("broken", DUE - INSTANT, "broken"),
    ],
)
def test_only_an_open_promise_is_broken_by_time(stored: PromiseState, now: datetime, state: PromiseState) -> None:
    assert state_at(stored, DUE, now) == state


def test_a_promise_without_a_warning_has_no_time_for_it() -> None:
    assert warning_at(DUE, 3600) == DUE - timedelta(hours=1)
    assert warning_at(DUE, 0) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_rate_is_the_kept_share_and_null_without_promises(kept: int, broken: int) -> None:
    rate = keeping_rate(kept, broken)
    if rate is None:
        assert kept + broken == 0
    else:
        assert 0 <= rate <= 1
        assert rate == pytest.approx(kept / (kept + broken), abs=1e-9)
