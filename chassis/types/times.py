"""Times, days and time zones from requests."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
)

from chassis.types.codes import NOT_A_DATE, NOT_A_DATE_OR_TIME, NOT_A_TIME, UNKNOWN_TIMEZONE, invalid

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.,]+([Zz]|[+-][0-9]{2}:?[0-9]{2}))?$"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _require_rfc3339(value: Any) -> Any:
    """Accept RFC 3339 text only. Pydantic would read a number, even in quotes, as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise invalid(NOT_A_TIME, "a time with an offset is expected, such as 2026-03-01T10:00:00Z")


def _require_date(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise invalid(NOT_A_DATE, "a date is expected, such as 2026-03-01")


def _require_range(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise invalid(NOT_A_TIME, "the year must be between 1900 and 2199")
    return at.astimezone(UTC)


_AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def _read_moment(value: Any) -> datetime | date:
    is_day = isinstance(value, str) and _DATE.fullmatch(value) is not None
    try:
        at = _AWARE.validate_python(f"{value}T00:00:00Z" if is_day else _require_rfc3339(value))
    except ValueError:
        text = "a date, such as 2026-01-31, or a time with an offset, such as 2026-01-31T10:00:00Z, is expected"
        raise invalid(NOT_A_DATE_OR_TIME, text) from None
    at = _require_range(at)
    return at.date() if is_day else at


@cache
def _zones() -> frozenset[str]:
    """Return the names of the IANA database. The machine's own folder may hold more, such as `localtime`."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


def _require_known_zone(name: str) -> str:
    if name not in _zones():
        raise invalid(UNKNOWN_TIMEZONE, "a time zone of the IANA database is expected, such as Europe/Amsterdam")
    return name


Instant = Annotated[AwareDatetime, BeforeValidator(_require_rfc3339), AfterValidator(_require_range)]
"""A point in time: RFC 3339 with an offset, stored in UTC."""
Day = Annotated[date, Field(ge=date(1800, 1, 1), le=date(2200, 1, 1)), BeforeValidator(_require_date)]
"""A day without a time, such as a date of birth: RFC 3339's full-date."""
Moment = Annotated[
    datetime | date,
    PlainValidator(_read_moment),
    WithJsonSchema({"type": "string", "pattern": _MOMENT, "examples": ["2026-01-31", "2026-01-31T10:00:00Z"]}),
]
"""A point in time, or a day. `first_instant` and `last_instant` return the beginning or the end of the day."""
Timezone = Annotated[str, Field(max_length=64, examples=["Europe/Amsterdam"]), AfterValidator(_require_known_zone)]
"""The name of a time zone of the IANA database."""


def first_instant(moment: datetime | date, timezone: str) -> datetime:
    """Return the moment, or the first instant of the day in the time zone.

    That is not midnight if the clocks are set forward at midnight.
    """
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.min, ZoneInfo(timezone)).astimezone(UTC)


def last_instant(moment: datetime | date, timezone: str) -> datetime:
    """Return the moment, or the last microsecond of the day in the time zone.

    PostgreSQL stores microseconds, so `<=` covers the day exactly.
    """
    if isinstance(moment, datetime):
        return moment
    return first_instant(moment + timedelta(days=1), timezone) - timedelta(microseconds=1)
