"""Birthdays: the month and day of a birth date, of which the year may be unknown."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from chassis.types.codes import NOT_A_DATE, FieldCode, invalid

BIRTHDAY_PATTERN = "^--(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
BIRTHDAY_DIFFERS = FieldCode(
    "birthday_differs",
    "The birthday is not the month and day of the birth date.",
    "Send `birth_date` alone, or clear it and send `birthday`.",
)
_MONTH_AND_DAY = re.compile("--([0-9]{2})-([0-9]{2})")
_LEAP_YEAR = 2000


def require_birthday(text: str) -> str:
    """Return a month and day such as `--05-17`. Raises ValueError if no year has the day."""
    match = _MONTH_AND_DAY.fullmatch(text)
    try:
        date(_LEAP_YEAR, *map(int, match.groups() if match else (0, 0)))
    except ValueError:
        raise invalid(NOT_A_DATE, "no year has this day") from None
    return text


def birthday_of(birth_date: date) -> str:
    """Return the month and day of a date in ISO 8601's form without a year, which vCard uses: `--05-17`."""
    return f"--{birth_date.month:02}-{birth_date.day:02}"


def settle_birthday(current: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Set the birthday that follows from the birth date. Clearing the date clears the birthday, unless it is sent.

    Raises ValueError if the values contradict each other, or what is known.
    """
    if "birth_date" not in values and "birthday" not in values:
        return
    birth_date = values["birth_date"] if "birth_date" in values else current.get("birth_date")
    if birth_date is None:
        values.setdefault("birthday", None)
        return
    birthday = birthday_of(birth_date)
    if values.setdefault("birthday", birthday) not in (birthday, None if "birth_date" in values else birthday):
        raise invalid(BIRTHDAY_DIFFERS, f"the birth date is {birth_date}, so the birthday is {birthday}")
    values["birthday"] = birthday
