"""Local times and quiet hours: when a message may be sent where its recipient is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from services.interactions.helpdesk.rules.due import due_instant


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The local hours without messages: from `starts` to just before `ends`, also over midnight."""

    starts: time
    ends: time

    def covers(self, local: time) -> bool:
        """Return whether a local time is in the quiet hours."""
        if self.starts < self.ends:
            return self.starts <= local < self.ends
        return local >= self.starts or local < self.ends


def quiet_hours(starts: str | None, ends: str | None) -> QuietHours | None:
    """Return the quiet hours from their texts, such as 21:00, or None."""
    if starts is None or ends is None:
        return None
    return QuietHours(time.fromisoformat(starts), time.fromisoformat(ends))


@lru_cache(maxsize=64)
def instants_by_zone(local: str) -> Mapping[str, datetime]:
    """Return the instant of a local time in every time zone.

    A time that the clocks skip in spring counts by the offset before the change. One that they show twice in autumn is
    the first of the two. So it occurs once in each zone.
    """
    return {zone: due_instant(local, zone) for zone in sorted(available_timezones())}


def first_instant(local: str) -> datetime:
    """Return the instant at which the first time zone reaches a local time."""
    return min(instants_by_zone(local).values())


def next_allowed(at: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """Return the first instant from `at` on that is not in the quiet hours of a place."""
    while quiet is not None and quiet.covers((local := at.astimezone(zone)).time()):
        day = local.date() + timedelta(days=quiet.ends <= local.time())
        # If the clocks show the end twice, the first of the two may be over.
        ends = [datetime.combine(day, quiet.ends, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
        at = min(end for end in ends if end > at)
    return at
