"""The time zone of a person, as far as phone numbers tell it."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone


def zone_of_numbers(numbers: Iterable[str], region: str) -> ZoneInfo | None:
    """Return the time zone of the first number that has a single one, or None."""
    for number in numbers:
        try:
            zones = timezone.time_zones_for_number(phonenumbers.parse(number, region))
            if len(zones) == 1 and zones[0] != timezone.UNKNOWN_TIMEZONE:
                return ZoneInfo(zones[0])
        except (phonenumbers.NumberParseException, ZoneInfoNotFoundError):
            continue
    return None
