"""Calendars as they are stored, and the opening hours that they mean."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from typing_extensions import TypeAliasType, TypedDict

from services.interactions.helpdesk.rules.business_time import Calendar, Interval

Weekday = TypeAliasType(
    "Weekday", Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
)
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class HoursDocument(TypedDict):
    """An interval of a day, as local times `HH:MM`. It may end at 24:00."""

    opens: str
    closes: str


class WeeklyHoursDocument(HoursDocument):
    """An interval on some weekdays."""

    days: list[Weekday]


class ExceptionDocument(TypedDict):
    """The hours of a single day. It is closed if it has none."""

    date: str
    name: str | None
    hours: list[HoursDocument]


class HolidayDocument(TypedDict):
    """A public holiday, on which the calendar is closed unless an exception says otherwise."""

    date: str
    name: str


class HolidayPresetDocument(TypedDict):
    """A country, or a part of it, whose public holidays a calendar observes."""

    country: str
    subdivision: str | None


def calendar_of(
    timezone: str,
    weekly_hours: Iterable[Mapping[str, Any]],
    exceptions: Sequence[Mapping[str, Any]] = (),
    holidays: Iterable[Mapping[str, Any]] = (),
) -> Calendar:
    """Return the opening hours that the documents of a calendar describe. Raises InvalidCalendar."""
    week: dict[int, list[Interval]] = {}
    for hours in weekly_hours:
        for day in dict.fromkeys(hours["days"]):
            week.setdefault(WEEKDAYS.index(day), []).append(interval_of(hours))
    days: dict[date, list[Interval]] = {date.fromisoformat(holiday["date"]): [] for holiday in holidays}
    for exception in exceptions:
        days[date.fromisoformat(exception["date"])] = [interval_of(hours) for hours in exception["hours"]]
    return Calendar.of(timezone, week, days)


def interval_of(hours: Mapping[str, Any]) -> Interval:
    """Return an interval in minutes after midnight."""
    return minutes_of(hours["opens"]), minutes_of(hours["closes"])


@lru_cache(maxsize=1441)
def minutes_of(local: str) -> int:
    """Return the minutes after midnight of a local time `HH:MM`."""
    hours, minutes = local.split(":")
    return int(hours) * 60 + int(minutes)
