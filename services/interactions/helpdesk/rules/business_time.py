"""Business time: the time in which a calendar is open.

Opening hours are local times, and durations are real time. A calendar that is always open therefore has 23 hours on the
day on which the clocks are set forward, and 25 on the day on which they are set back.

The open intervals of a year are computed once and kept as sorted instants, so a due time is two binary searches per
year. Every search is bounded: a due time more than `MAX_YEARS` after its start is refused.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTES_OF_A_DAY = 24 * 60
MAX_YEARS = 10
"""A due time later than so many years after its start is refused."""
MAX_TARGET_SECONDS = 366 * 86_400
"""A target is at most a year of time."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1) // MICROSECOND

Interval = tuple[int, int]
"""The minutes after local midnight at which an interval opens and closes."""
Week = tuple[tuple[Interval, ...], ...]
"""The intervals of each weekday, Monday first."""


class InvalidCalendar(ValueError):
    """The opening hours cannot be used. The text says why."""


class NoOpenTime(InvalidCalendar):
    """The calendar is not open on any weekday, so nothing would ever be due."""


class DueTooLate(ValueError):
    """The open time of `MAX_YEARS` years is shorter than the duration."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours in a time zone. The exceptions replace the hours of single days, and an empty one closes its day.

    Raises InvalidCalendar if intervals overlap or end before they start, and NoOpenTime if no weekday is open.
    """

    timezone: str
    week: Week
    exceptions: tuple[tuple[date, tuple[Interval, ...]], ...] = ()

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise InvalidCalendar("a week has seven days")
        for intervals in (*self.week, *(intervals for _, intervals in self.exceptions)):
            require_intervals(intervals)
        if not any(self.week):
            raise NoOpenTime("the calendar is not open on any weekday")

    @classmethod
    def of(
        cls,
        timezone: str,
        week: Mapping[int, Iterable[Interval]],
        exceptions: Mapping[date, Iterable[Interval]] | None = None,
    ) -> "Calendar":
        """Return a calendar with intervals by weekday, Monday being 0, and by day."""
        days = tuple(tuple(sorted(week.get(day, ()))) for day in range(7))
        others = sorted((exceptions or {}).items())
        return cls(timezone, days, tuple((day, tuple(sorted(intervals))) for day, intervals in others))


def require_intervals(intervals: Iterable[Interval]) -> None:
    """Raise InvalidCalendar unless the intervals are within a day, in order, and do not overlap. They may touch."""
    end = 0
    for opens, closes in intervals:
        if not 0 <= opens < closes <= MINUTES_OF_A_DAY:
            raise InvalidCalendar("an interval must end after it starts, on the same day")
        if opens < end:
            raise InvalidCalendar("intervals must be in order and must not overlap")
        end = closes


def add_business_time(calendar: Calendar, start: datetime, duration: timedelta) -> datetime:
    """Return the earliest instant at which the calendar has been open for a duration since a start, in UTC.

    The end of a working day precedes the opening of the next: 16:00 and one hour is 17:00. Raises DueTooLate.
    """
    if duration <= timedelta():
        return start.astimezone(UTC)
    start_us, wanted = _microseconds(start), duration // MICROSECOND
    first = _local_year(calendar, start)
    wanted += _open_until(_year(calendar, first), start_us)
    for year in range(first, first + MAX_YEARS + 1):
        opening = _year(calendar, year)
        if wanted <= opening.total:
            due = EPOCH + _at(opening, wanted) * MICROSECOND
            if due - start > timedelta(days=366 * MAX_YEARS):
                break
            return due
        wanted -= opening.total
    raise DueTooLate(f"the calendar is not open for so long within {MAX_YEARS} years")


def business_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Return how long the calendar is open between two instants. It is zero if the end is not after the start."""
    if end <= start:
        return timedelta()
    first, last = _local_year(calendar, start), _local_year(calendar, end)
    whole_years = sum(_year(calendar, year).total for year in range(first, last))
    elapsed = _open_until(_year(calendar, last), _microseconds(end))
    return (whole_years + elapsed - _open_until(_year(calendar, first), _microseconds(start))) * MICROSECOND


@dataclass(frozen=True, slots=True)
class _Opening:
    """The open intervals of a local year in microseconds since 1970, and the open time until the end of each."""

    starts: list[int]
    ends: list[int]
    totals: list[int]

    @property
    def total(self) -> int:
        return self.totals[-1] if self.totals else 0


@lru_cache(maxsize=512)
def _year(calendar: Calendar, year: int) -> _Opening:
    """Compute the open intervals of a local year."""
    zone, exceptions = ZoneInfo(calendar.timezone), dict(calendar.exceptions)
    starts, ends = [], []
    day, offset = date(year, 1, 1), _offset(date(year, 1, 1), zone)
    while day.year == year:
        next_day = day + timedelta(days=1)
        next_offset = _offset(next_day, zone)
        for opens, closes in exceptions.get(day, calendar.week[day.weekday()]):
            if offset == next_offset:
                midnight = (day.toordinal() - EPOCH.toordinal()) * MINUTES_OF_A_DAY * MINUTE - offset
                start, end = midnight + opens * MINUTE, midnight + closes * MINUTE
            else:  # the clocks are set on this day
                start, end = _instant(day, opens, zone), _instant(day, closes, zone)
            if start < end:  # they may skip a whole interval
                starts.append(start)
                ends.append(end)
        day, offset = next_day, next_offset
    totals = accumulate(end - start for start, end in zip(starts, ends, strict=True))
    return _Opening(starts, ends, list(totals))


def _offset(day: date, zone: ZoneInfo) -> int:
    """Return the microseconds by which a zone is ahead of UTC at the beginning of a day."""
    offset = datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset() or timedelta()
    return offset // MICROSECOND


def _open_until(opening: _Opening, at: int) -> int:
    """Return the open time of the year before an instant."""
    position = bisect_left(opening.ends, at)
    before = opening.totals[position - 1] if position else 0
    if position == len(opening.ends):
        return before
    return before + max(0, at - opening.starts[position])


def _at(opening: _Opening, elapsed: int) -> int:
    """Return the earliest instant of the year before which the calendar has been open for so long, more than zero."""
    position = bisect_left(opening.totals, elapsed)
    return opening.ends[position] - (opening.totals[position] - elapsed)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return the first instant at which a day's clocks show so many minutes after midnight, or more."""
    days, minutes = divmod(minutes, MINUTES_OF_A_DAY)
    local = datetime.combine(day + timedelta(days=days), time(*divmod(minutes, 60)), zone)
    at, again = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    # In the hour that the clocks repeat, `again` is later. In the one that they skip, it is earlier.
    return _microseconds(at if at <= again else _end_of_gap(at, again, zone))


def _end_of_gap(latest: datetime, earliest: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant between two at which the clocks are set forward, to the second."""
    before = earliest.astimezone(zone).utcoffset()
    low, high = 0, round((latest - earliest).total_seconds())
    while low + 1 < high:
        middle = (low + high) // 2
        same = (earliest + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if same else (low, middle)
    return earliest + timedelta(seconds=high)


def _local_year(calendar: Calendar, at: datetime) -> int:
    return at.astimezone(ZoneInfo(calendar.timezone)).year


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
