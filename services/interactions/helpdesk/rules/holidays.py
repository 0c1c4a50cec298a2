"""Public holidays of countries and their subdivisions, from the library `holidays`.

A calendar stores the days that the library returns. A later version of the library therefore does not change due times
in the past.
"""

from collections.abc import Iterable
from datetime import date

YEARS_BEFORE, YEARS_AFTER = 1, 10
"""A calendar holds the holidays of so many years around the present one."""


class UnknownHolidays(ValueError):
    """The library knows no such country, or the country has no such subdivision."""


def public_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> dict[date, str]:
    """Return the names of the public holidays by day. Raises UnknownHolidays.

    The first call imports the library, which takes a second: call it in a thread.
    """
    import holidays

    try:
        days = holidays.country_holidays(country, subdiv=subdivision, years=list(years), language="en_US")
    except NotImplementedError as error:
        raise UnknownHolidays(str(error)) from None
    return dict(sorted(days.items()))


def years_around(today: date) -> range:
    """Return the years of which a calendar stores the holidays."""
    return range(today.year - YEARS_BEFORE, today.year + YEARS_AFTER + 1)
