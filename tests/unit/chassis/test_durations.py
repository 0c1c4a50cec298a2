"""Durations: calendar units keep the hour of the day, exact units do not, and a month ends on its last day."""

from datetime import datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from chassis.types.durations import Duration, add_duration

AMSTERDAM = "Europe/Amsterdam"


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        pytest.param("2026-01-05T10:00:00Z", "P1Y2M3W4DT5H6M7S", "2027-03-30T14:06:07Z", id="every unit"),
        pytest.param("2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z", id="the last day of a shorter month"),
        pytest.param("2024-02-29T10:00:00Z", "P1Y", "2025-02-28T10:00:00Z", id="a year after a leap day"),
        pytest.param("2026-03-28T10:00:00Z", "P1D", "2026-03-29T09:00:00Z", id="a day keeps the hour in spring"),
        pytest.param("2026-03-28T10:00:00Z", "PT24H", "2026-03-29T10:00:00Z", id="24 hours do not"),
        pytest.param("2026-12-31T23:30:00Z", "P1M", "2027-01-31T23:30:00Z", id="months count from the local day"),
    ],
)
def test_a_duration_is_added_in_the_calendar_of_the_time_zone(start: str, duration: str, end: str) -> None:
    assert add_duration(datetime.fromisoformat(start), duration, AMSTERDAM) == datetime.fromisoformat(end)


def test_a_time_beyond_the_calendar_overflows() -> None:
    for duration in ("P9999Y", "P99999M", "P999999D"):
        with pytest.raises(OverflowError):
            add_duration(datetime.fromisoformat("9000-01-01T00:00:00Z"), duration, "UTC")


@pytest.mark.parametrize("text", ["", "P", "PT", "P0D", "PT0S", "-P1D", "P-1D", "P1.5D", "1D", "P1S", "P1D\n", "p1d"])
def test_a_text_that_is_no_time_is_invalid(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)
