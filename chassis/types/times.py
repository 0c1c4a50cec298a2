"""Times, days and time zones from requests."""

import re
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from chassis.types.codes import NOT_A_DATE, NOT_A_TIME, UNKNOWN_TIMEZONE, invalid

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
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
Timezone = Annotated[str, Field(max_length=64, examples=["Europe/Amsterdam"]), AfterValidator(_require_known_zone)]
"""The name of a time zone of the IANA database."""
