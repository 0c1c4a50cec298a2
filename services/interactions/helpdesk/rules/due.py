"""Due times: an instant, or a date or time on the clocks of a place, as people say it: "by Friday", "by 17:00"."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from chassis.types.codes import FieldCode, invalid
from chassis.types.times import first_instant

NOT_A_LOCAL_TIME = FieldCode(
    "not_a_local_time",
    "The value is neither a date that exists nor a local time without an offset.",
    "Send a date such as 2026-03-01, or a time such as 2026-03-01T17:00, and the time zone beside it.",
)
PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$"
FIRST_YEAR, LAST_YEAR = 1900, 2199


def _require_local_time(text: str) -> str:
    try:
        if not re.fullmatch(PATTERN, text):
            raise ValueError
        year = datetime.fromisoformat(text).year
    except ValueError:
        raise invalid(NOT_A_LOCAL_TIME, "a date or a local time is expected, such as 2026-03-01T17:00") from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise invalid(NOT_A_LOCAL_TIME, f"the year must be between {FIRST_YEAR} and {LAST_YEAR}")
    return text


LocalTime = Annotated[
    str,
    Field(max_length=19, json_schema_extra={"pattern": PATTERN}, examples=["2026-03-01", "2026-03-01T17:00"]),
    AfterValidator(_require_local_time),
]
"""A date, or a time without an offset, on the clocks of a place."""


def due_instant(by_when: str, timezone: str) -> datetime:
    """Return the instant of a local date or time in a time zone. A date means its last second there.

    A time that the clocks skip in spring counts by the offset before the change: 02:30 is 03:30. A time that they show
    twice in autumn is the first of the two, so that a promise is not later than the customer may expect.
    """
    if "T" in by_when:
        return datetime.fromisoformat(by_when).replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    return first_instant(date.fromisoformat(by_when) + timedelta(days=1), timezone) - timedelta(seconds=1)
