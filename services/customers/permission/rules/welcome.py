"""Whether a permitted contact is welcome now: quiet hours and frequency caps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from typing_extensions import TypeAliasType

WelcomeReason = TypeAliasType("WelcomeReason", Literal["welcome", "quiet_hours", "frequency_cap"])
BetterChannelReason = TypeAliasType(
    "BetterChannelReason", Literal["preferred", "no_preference", "already_preferred", "not_permitted"]
)
MAX_CAP_DAYS = 90


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The local hours in which some channels are not used. They may span midnight."""

    starts: time
    ends: time
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """The maximum number of contacts in some days, on a channel or on all of them."""

    contacts: int
    days: int
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact with a customer that took place."""

    channel: str
    occurred_at: datetime


def welcome(
    at: datetime,
    channel: str,
    zone: ZoneInfo,
    quiet: QuietHours | None,
    caps: Iterable[FrequencyCap],
    contacts: Sequence[Contact],
) -> tuple[WelcomeReason, datetime]:
    """Return whether a contact is welcome at a time, and from when on."""
    free_at = max((_free_at(cap, at, channel, contacts) for cap in caps), default=at)
    welcome_at = _end_of_quiet(free_at, channel, zone, quiet)
    if free_at > at:
        return "frequency_cap", welcome_at
    return ("quiet_hours" if welcome_at > at else "welcome"), welcome_at


def _free_at(cap: FrequencyCap, at: datetime, channel: str, contacts: Sequence[Contact]) -> datetime:
    """Return when a cap allows a contact again, or `at` if it does."""
    if cap.channel not in (None, channel):
        return at
    period = timedelta(days=cap.days)
    counted = sorted(
        contact.occurred_at
        for contact in contacts
        if cap.channel in (None, contact.channel) and at - period < contact.occurred_at <= at
    )
    return at if len(counted) < cap.contacts else counted[-cap.contacts] + period


def _end_of_quiet(at: datetime, channel: str, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """Return the end of the quiet hours that a time is in, or the time itself."""
    if quiet is None or channel not in quiet.channels:
        return at
    local = at.astimezone(zone)
    now, spans_midnight = local.time(), quiet.starts > quiet.ends
    is_quiet = now >= quiet.starts or now < quiet.ends if spans_midnight else quiet.starts <= now < quiet.ends
    if not is_quiet:
        return at
    day = local.date() + timedelta(days=1 if spans_midnight and now >= quiet.starts else 0)
    # On the day of a change of clocks, the end may lie in the skipped hour, which is before `at` or at it.
    return max(at, datetime.combine(day, quiet.ends, zone).astimezone(UTC))
