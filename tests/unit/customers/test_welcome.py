"""Welcome: quiet hours in the customer's zone, and caps on the number of contacts."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.customers.permission.rules.welcome import Contact, FrequencyCap, QuietHours, welcome

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NIGHT = QuietHours(time(21), time(8), frozenset(["sms"]))
LUNCH = QuietHours(time(12), time(13, 30), frozenset(["sms"]))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("case", "quiet", "channel", "at", "welcome_at"),
    [
        ("no quiet hours", None, "sms", "2026-03-02T23:00", "2026-03-02T23:00"),
        ("in the evening", NIGHT, "sms", "2026-03-02T21:00", "2026-03-03T08:00"),
        ("after midnight", NIGHT, "sms", "2026-03-03T07:59", "2026-03-03T08:00"),
        ("at their end", NIGHT, "sms", "2026-03-03T08:00", "2026-03-03T08:00"),
        ("on another channel", NIGHT, "email", "2026-03-02T23:00", "2026-03-02T23:00"),
        ("within a day", LUNCH, "sms", "2026-03-02T13:00", "2026-03-02T13:30"),
        ("before them", LUNCH, "sms", "2026-03-02T11:59", "2026-03-02T11:59"),
        ("in the night of summer time", NIGHT, "sms", "2026-03-28T22:00", "2026-03-29T08:00"),
    ],
)
def test_quiet_hours(case: str, quiet: QuietHours | None, channel: str, at: str, welcome_at: str) -> None:
    reason, until = welcome(moment(at), channel, AMSTERDAM, quiet, [], [])
    assert until == moment(welcome_at)
    assert reason == ("welcome" if at == welcome_at else "quiet_hours")


NOW = moment("2026-03-10T12:00")
WEEKLY = FrequencyCap(2, 7)
WEEKLY_MAILS = FrequencyCap(1, 7, "email")


def contacts(*days_ago: float, channel: str = "email") -> list[Contact]:
    return [Contact(channel, NOW - timedelta(days=days)) for days in days_ago]


@pytest.mark.parametrize(
    ("case", "caps", "channel", "made", "days"),
    [
        ("fewer than the cap", [WEEKLY], "sms", contacts(1), 0),
        ("as many as the cap", [WEEKLY], "sms", contacts(1, 3), 4),
        ("more than the cap", [WEEKLY], "sms", contacts(1, 2, 3), 5),
        ("those of earlier are not counted", [WEEKLY], "sms", contacts(1, 7), 0),
        ("those of later are not counted", [WEEKLY], "sms", contacts(1, -1), 0),
        ("a cap of another channel", [WEEKLY_MAILS], "sms", contacts(1), 0),
        ("a cap of this channel", [WEEKLY_MAILS], "email", contacts(1), 6),
        ("a cap of this channel counts this channel", [WEEKLY_MAILS], "email", contacts(1, channel="sms"), 0),
        ("the strictest cap", [WEEKLY, WEEKLY_MAILS], "email", contacts(1, 3), 6),
    ],
)
def test_caps(case: str, caps: Sequence[FrequencyCap], channel: str, made: list[Contact], days: int) -> None:
    reason, at = welcome(NOW, channel, AMSTERDAM, None, caps, made)
    assert at == NOW + timedelta(days=days)
    assert reason == ("frequency_cap" if days else "welcome")


def test_a_cap_that_ends_in_quiet_hours_ends_after_them() -> None:
    at = moment("2026-03-10T22:00")
    made = [Contact("sms", at - timedelta(days=6)), Contact("sms", at - timedelta(days=6))]
    assert welcome(at, "sms", AMSTERDAM, NIGHT, [WEEKLY], made) == ("frequency_cap", moment("2026-03-12T08:00"))
