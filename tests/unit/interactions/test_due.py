"""Due times: local dates and times on the clocks of a place, also where the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.interactions.helpdesk.rules.due import LocalTime, due_instant

ZONES = ("Europe/Amsterdam", "America/New_York", "America/Havana", "Pacific/Apia", "Asia/Kathmandu", "UTC")


@pytest.mark.parametrize(
    ("by_when", "timezone", "instant"),
    [
        ("2026-03-02", "Europe/Amsterdam", "2026-03-02T22:59:59+00:00"),
        ("2026-03-02T17:00", "America/New_York", "2026-03-02T22:00:00+00:00"),
        ("2026-03-02T17:00:30", "UTC", "2026-03-02T17:00:30+00:00"),
        ("2026-03-29T02:30", "Europe/Amsterdam", "2026-03-29T01:30:00+00:00"),  # skipped: it is 03:30
        ("2026-10-25T02:30", "Europe/Amsterdam", "2026-10-25T00:30:00+00:00"),  # shown twice: the first
        ("2026-03-29", "Europe/Amsterdam", "2026-03-29T21:59:59+00:00"),  # a day of 23 hours
        ("2026-10-25", "Europe/Amsterdam", "2026-10-25T22:59:59+00:00"),  # a day of 25 hours
        ("2026-03-07", "America/Havana", "2026-03-08T04:59:59+00:00"),  # the next day begins at 01:00
        ("2011-12-30", "Pacific/Apia", "2011-12-30T09:59:59+00:00"),  # a day that was left out
        ("2199-12-31", "Asia/Kathmandu", "2199-12-31T18:14:59+00:00"),
    ],
)
def test_a_local_due_time_is_an_instant(by_when: str, timezone: str, instant: str) -> None:
    assert due_instant(by_when, timezone).isoformat() == instant


@given(st.dates(date(1950, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_date_ends_a_second_before_the_next_one_begins(day: date, timezone: str) -> None:
    due = due_instant(day.isoformat(), timezone)
    following = (due + timedelta(seconds=1)).astimezone(ZoneInfo(timezone))
    assert following.date() > day
    assert due < due_instant((day + timedelta(days=2)).isoformat(), timezone)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_local_time_that_exists_is_shown_by_the_clocks_at_its_instant(at: datetime, timezone: str) -> None:
    at = at.replace(microsecond=0)
    due = due_instant(at.isoformat(timespec="seconds"), timezone)
    shown = due.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    assert shown == at or not _exists(at, timezone)
    assert due.tzinfo is UTC


def _exists(at: datetime, timezone: str) -> bool:
    zone = ZoneInfo(timezone)
    return at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == at


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-02-30",
        "2026-03-01T25:00",
        "2026-03-01T17:00Z",
        "2026-03-01T17:00+01:00",
        "2026-03-01 17:00",
        "20260301",
        "2026-W09-1",
        "1899-12-31",
        "2200-01-01",
        "٢٠٢٦-03-01",
        "2026-03-01\n",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(LocalTime).validate_python(text)
