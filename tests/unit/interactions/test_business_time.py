"""Business time: golden cases of due times, refused calendars, and laws that hold for every calendar."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.interactions.helpdesk.rules.business_time import (
    MINUTES_OF_A_DAY,
    Calendar,
    DueTooLate,
    InvalidCalendar,
    NoOpenTime,
    add_business_time,
    business_time,
)

HOUR = timedelta(hours=1)
OFFICE = {day: [(9 * 60, 17 * 60)] for day in range(5)}
ALWAYS = {day: [(0, MINUTES_OF_A_DAY)] for day in range(7)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


DUE = [
    ("an hour over the weekend on which New York sets its clocks back", "America/New_York", OFFICE,
     "2026-10-30T16:30-04:00", HOUR, "2026-11-02T14:30Z"),
    ("two hours over the weekend on which Amsterdam sets its clocks forward", "Europe/Amsterdam", OFFICE,
     "2026-03-27T16:00+01:00", 2 * HOUR, "2026-03-30T08:00Z"),
    ("four hours around the clock in the night of the change", "Europe/Amsterdam", ALWAYS,
     "2026-03-29T00:30+01:00", 4 * HOUR, "2026-03-29T05:30+02:00"),
    ("an hour from half an hour before closing", "UTC", OFFICE, "2026-11-06T16:30Z", HOUR, "2026-11-09T09:30Z"),
    ("the rest of the day ends at closing", "UTC", OFFICE, "2026-11-06T16:00Z", HOUR, "2026-11-06T17:00Z"),
    ("a start before opening waits for it", "UTC", OFFICE, "2026-11-06T03:00Z", HOUR, "2026-11-06T10:00Z"),
    ("a start at closing waits for the next day", "UTC", OFFICE, "2026-11-05T17:00Z", HOUR, "2026-11-06T10:00Z"),
    ("nothing is due at once, also when closed", "UTC", OFFICE, "2026-11-07T12:00Z", 0 * HOUR, "2026-11-07T12:00Z"),
    ("a pause at lunch", "UTC", {4: [(540, 720), (780, 1020)]}, "2026-11-06T11:30Z", HOUR, "2026-11-06T13:30Z"),
    ("an interval until midnight continues on the next day", "UTC", {4: [(1380, 1440)], 5: [(0, 60)]},
     "2026-11-06T23:30Z", HOUR, "2026-11-07T00:30Z"),
    ("the turn of the year", "UTC", ALWAYS, "2026-12-31T23:00Z", 2 * HOUR, "2027-01-01T01:00Z"),
    ("ten years of an hour a week", "UTC", {0: [(0, 60)]}, "2020-01-01T00:00Z", 500 * HOUR, "2029-07-30T01:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "week", "start", "duration", "due"), [c[1:] for c in DUE], ids=[c[0] for c in DUE])
def test_a_due_time(zone: str, week: dict, start: str, duration: timedelta, due: str) -> None:
    calendar = Calendar.of(zone, week)
    assert add_business_time(calendar, at(start), duration) == at(due)
    assert business_time(calendar, at(start), at(due)) == duration


@pytest.mark.parametrize(
    ("day", "week", "hours"),
    [
        ("2026-03-29", ALWAYS, 23),
        ("2026-10-25", ALWAYS, 25),
        ("2026-03-29", {6: [(120, 180)]}, 0),
        ("2026-10-25", {6: [(120, 180)]}, 2),
        ("2026-03-29", {6: [(60, 150), (150, 240)]}, 2),
        ("2026-10-25", {6: [(60, 150), (150, 240)]}, 4),
    ],
)
def test_hours_of_a_day_on_which_amsterdam_changes_its_clocks(day: str, week: dict, hours: int) -> None:
    """Hours that the clocks skip do not exist, and those that they repeat count twice."""
    zone, on = ZoneInfo("Europe/Amsterdam"), date.fromisoformat(day)
    start, end = (datetime.combine(on + timedelta(days=days), time(), zone) for days in (0, 1))
    calendar = Calendar.of(zone.key, week | {0: [(0, 60)]})
    assert business_time(calendar, start, end) == hours * HOUR


def test_an_exception_replaces_the_hours_of_its_day() -> None:
    closed, short = date(2026, 11, 9), date(2026, 11, 10)
    calendar = Calendar.of("UTC", OFFICE, {closed: [], short: [(600, 660)]})
    assert add_business_time(calendar, at("2026-11-06T16:30Z"), 2 * HOUR) == at("2026-11-11T09:30Z")


def test_a_saturday_may_be_open_for_once() -> None:
    calendar = Calendar.of("UTC", OFFICE, {date(2026, 11, 7): [(600, 660)]})
    assert add_business_time(calendar, at("2026-11-06T16:30Z"), HOUR) == at("2026-11-07T10:30Z")


@pytest.mark.parametrize(
    ("week", "error"),
    [
        ({}, NoOpenTime),
        ({0: []}, NoOpenTime),
        ({0: [(540, 540)]}, InvalidCalendar),
        ({0: [(600, 540)]}, InvalidCalendar),
        ({0: [(540, 1441)]}, InvalidCalendar),
        ({0: [(540, 700), (600, 800)]}, InvalidCalendar),
        ({0: [(540, 700), (540, 700)]}, InvalidCalendar),
    ],
)
def test_a_calendar_that_cannot_be_used_is_refused(week: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        Calendar.of("UTC", week)


def test_an_open_exception_does_not_make_up_for_a_week_without_hours() -> None:
    with pytest.raises(NoOpenTime):
        Calendar.of("UTC", {}, {date(2026, 11, 7): [(600, 660)]})


def test_intervals_of_a_day_may_touch() -> None:
    calendar = Calendar.of("UTC", {4: [(600, 660), (540, 600)]})
    assert business_time(calendar, at("2026-11-06T00:00Z"), at("2026-11-07T00:00Z")) == 2 * HOUR


def test_a_duration_that_ends_after_ten_years_is_refused_and_not_searched_for() -> None:
    with pytest.raises(DueTooLate):
        add_business_time(Calendar.of("UTC", {0: [(0, 1)]}), at("2026-01-01T00:00Z"), 100 * HOUR)


# Laws

ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
DURATIONS = st.timedeltas(timedelta(), timedelta(days=4))
"""Two of them fit into ten years of an hour a week."""


@st.composite
def intervals(draw: st.DrawFn) -> list[tuple[int, int]]:
    edges = sorted(draw(st.sets(st.integers(0, MINUTES_OF_A_DAY), max_size=6)))
    return list(pairwise(edges))[::2]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    week = {day: draw(intervals()) for day in range(7)}
    assume(sum(closes - opens for hours in week.values() for opens, closes in hours) >= 60)
    days = st.dates(date(2025, 1, 1), date(2028, 1, 1))
    return Calendar.of(draw(st.sampled_from(ZONES)), week, draw(st.dictionaries(days, intervals(), max_size=3)))


@given(calendars(), MOMENTS, DURATIONS)
def test_the_business_time_until_a_due_time_is_the_duration(
    calendar: Calendar, start: datetime, duration: timedelta
) -> None:
    assert business_time(calendar, start, add_business_time(calendar, start, duration)) == duration


@given(calendars(), MOMENTS, DURATIONS, DURATIONS)
def test_a_duration_may_be_split(calendar: Calendar, start: datetime, first: timedelta, second: timedelta) -> None:
    split = add_business_time(calendar, add_business_time(calendar, start, first), second)
    assert split == add_business_time(calendar, start, first + second)


@given(calendars(), st.tuples(MOMENTS, MOMENTS, MOMENTS).map(sorted))
def test_business_time_adds_up_over_a_point_between(calendar: Calendar, times: list[datetime]) -> None:
    start, middle, end = times
    whole = business_time(calendar, start, end)
    assert business_time(calendar, start, middle) + business_time(calendar, middle, end) == whole
    assert timedelta() <= whole <= end - start


@given(calendars(), MOMENTS, st.tuples(DURATIONS, DURATIONS).map(sorted))
def test_a_longer_duration_is_not_due_earlier(calendar: Calendar, start: datetime, durations: list[timedelta]) -> None:
    earlier, later = (add_business_time(calendar, start, duration) for duration in durations)
    assert start <= earlier <= later


@given(calendars(), MOMENTS, st.integers(0, 14 * 24 * 60))
def test_business_time_is_what_a_minute_by_minute_count_finds(
    calendar: Calendar, start: datetime, minutes: int
) -> None:
    """An independent model: count the minutes whose local time is within the hours. Clocks change at full minutes."""
    start = start.replace(second=0, microsecond=0)
    zone, exceptions = ZoneInfo(calendar.timezone), dict(calendar.exceptions)

    def is_open(minute: int) -> bool:
        local = (start + timedelta(minutes=minute)).astimezone(zone)
        position = local.hour * 60 + local.minute
        hours = exceptions.get(local.date(), calendar.week[local.weekday()])
        return any(opens <= position < closes for opens, closes in hours)

    end = start + timedelta(minutes=minutes)
    assume(start.astimezone(zone).utcoffset() == end.astimezone(zone).utcoffset())
    counted = sum(is_open(minute) for minute in range(minutes))
    assert business_time(calendar, start, end) == timedelta(minutes=counted)
