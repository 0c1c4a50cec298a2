"""Durations from requests: ISO 8601, such as P1M or PT36H."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from chassis.types.codes import WRONG_FORMAT, invalid

DURATION_PATTERN = (
    r"^P([0-9]{1,4}Y)?([0-9]{1,5}M)?([0-9]{1,5}W)?([0-9]{1,6}D)?(?:T([0-9]{1,6}H)?([0-9]{1,7}M)?([0-9]{1,9}S)?)?$"
)
_DURATION = re.compile(DURATION_PATTERN)


def _require_time(text: str) -> str:
    if not any(_parse(text)):
        raise invalid(WRONG_FORMAT, "a duration of more than zero is expected, such as P7D, P1M or PT12H")
    return text


Duration = Annotated[str, Field(pattern=DURATION_PATTERN, examples=["P7D"]), AfterValidator(_require_time)]
"""A duration in years, months, weeks and days of the calendar, and in hours, minutes and seconds."""


def add_duration(start: datetime, duration: str, timezone: str) -> datetime:
    """Return the time after a duration. Raises OverflowError beyond the year 9999.

    Days and longer units are those of the time zone's calendar: they keep the hour when the clocks are changed. After
    January 31, a month ends on the last day of February.
    """
    months, days, seconds = _parse(duration)
    local = start.astimezone(ZoneInfo(timezone))
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    if year > datetime.max.year:
        raise OverflowError("the year is beyond 9999")
    last_day = calendar.monthrange(year, month + 1)[1]
    local = local.replace(year=year, month=month + 1, day=min(local.day, last_day)) + timedelta(days=days)
    return local.astimezone(UTC) + timedelta(seconds=seconds)


def _parse(duration: str) -> tuple[int, int, int]:
    """Return the months, days and seconds of a duration."""
    match = _DURATION.match(duration)
    assert match is not None, "the pattern was validated"
    years, months, weeks, days, hours, minutes, seconds = (int((part or "0?")[:-1]) for part in match.groups())
    return years * 12 + months, weeks * 7 + days, (hours * 60 + minutes) * 60 + seconds
