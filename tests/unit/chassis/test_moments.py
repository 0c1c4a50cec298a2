"""Moments: a time, or a day whose first and last instant depend on the time zone."""

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis import Moment, first_instant, last_instant

MOMENT: TypeAdapter[datetime | date] = TypeAdapter(Moment)
ZONES = sorted(resources.files("tzdata").joinpath("zones").read_text().split())
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T00:30:00+01:00", datetime(2026, 1, 30, 23, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_a_day(text: str, moment: datetime | date) -> None:
    assert MOMENT.validate_python(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "",
        "2026",
        "2026-1-1",
        "2026-02-30",
        "2026-01-31T10:00:00",
        "2026-01-31T10:00:00 01:00",  # an unescaped + of a URL
        "2026-01-31T25:00:00Z",
        "2026-01-31Z",
        "2026-01-31\n",
        "1767261600",
        1767261600,
        None,
    ],
)
def test_any_other_value_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(ValidationError, match="such as 2026-01-31, or a time with an offset"):
        MOMENT.validate_python(value)


@pytest.mark.parametrize("text", ["1899-12-31", "2200-01-01", "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z"])
def test_a_moment_outside_the_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="the year must be between 1900 and 2199"):
        MOMENT.validate_python(text)


@pytest.mark.parametrize(
    ("case", "day", "zone", "first", "last"),
    [
        ("UTC", "2026-01-31", "UTC", "2026-01-31T00:00:00", "2026-01-31T23:59:59.999999"),
        ("west", "2026-01-31", "America/New_York", "2026-01-31T05:00:00", "2026-02-01T04:59:59.999999"),
        ("23 hours", "2026-03-08", "America/New_York", "2026-03-08T05:00:00", "2026-03-09T03:59:59.999999"),
        ("25 hours", "2026-10-25", "Europe/Amsterdam", "2026-10-24T22:00:00", "2026-10-25T22:59:59.999999"),
        ("no midnight", "2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00", "2018-11-05T01:59:59.999999"),
        ("two midnights", "2026-11-01", "America/Havana", "2026-11-01T04:00:00", "2026-11-02T04:59:59.999999"),
        ("the year's end", "2026-12-31", "Pacific/Kiritimati", "2026-12-30T10:00:00", "2026-12-31T09:59:59.999999"),
    ],
)
def test_a_day_begins_and_ends_in_its_zone(case: str, day: str, zone: str, first: str, last: str) -> None:
    assert first_instant(date.fromisoformat(day), zone) == datetime.fromisoformat(first).replace(tzinfo=UTC)
    assert last_instant(date.fromisoformat(day), zone) == datetime.fromisoformat(last).replace(tzinfo=UTC)


@given(st.dates(date(1900, 1, 2), date(2199, 12, 30)), st.sampled_from(ZONES))
def test_days_follow_one_another_without_gap_or_overlap(day: date, zone: str) -> None:
    next_day = day + timedelta(days=1)
    assert last_instant(day, zone) + MICROSECOND == first_instant(next_day, zone)
    assert first_instant(day, zone) <= first_instant(next_day, zone)  # equal if the zone skipped the day


@given(st.dates(date(1970, 1, 1), date(2037, 12, 31)), st.sampled_from(ZONES))
def test_the_first_instant_is_the_first_with_the_day_on_the_calendar(day: date, zone: str) -> None:
    local, first = ZoneInfo(zone), first_instant(day, zone)
    assert first.astimezone(local).date() >= day  # later if the zone skipped the day
    assert (first - MICROSECOND).astimezone(local).date() < day


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)), st.sampled_from(ZONES))
def test_a_time_is_itself_in_every_zone(at: datetime, zone: str) -> None:
    assert first_instant(at, zone) == last_instant(at, zone) == at == MOMENT.validate_python(at.isoformat())
