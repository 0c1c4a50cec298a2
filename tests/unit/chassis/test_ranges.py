"""Ranges of lists: a range that ends before it starts is refused."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from chassis.core.problems import ValidationFailed
from chassis.http.pagination import TimeRange

EARLY, LATE = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bounds", "pointer"),
    [
        ([(">=", LATE), ("<=", EARLY)], "/at.lte"),
        ([(">", LATE), ("<", EARLY)], "/at.lt"),
        ([(">=", EARLY), (">", LATE), ("<=", None), ("<", EARLY)], "/at.lt"),
        ([(">=", date(2026, 3, 2)), ("<=", date(2026, 3, 1))], "/at.lte"),
    ],
)
def test_a_range_that_ends_before_it_starts_is_refused(bounds: list[tuple[str, Any]], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        TimeRange("at", bounds)
    (error,) = refused.value.errors
    assert (error.location, error.pointer, error.code) == ("query", pointer, "not_after")


@pytest.mark.parametrize(
    "bounds", [[], [(">=", EARLY), ("<=", EARLY)], [(">=", EARLY), ("<", LATE)], [(">", None), ("<=", EARLY)]]
)
def test_other_ranges_are_conditions(bounds: list[tuple[str, Any]]) -> None:
    assert len(TimeRange("at", bounds).filters) == sum(bound is not None for _, bound in bounds)
