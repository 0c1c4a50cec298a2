"""When a delivery is tried again, when an endpoint is given a rest, and when it is disabled."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from typing_extensions import TypeAliasType

DeliveryState = TypeAliasType("DeliveryState", Literal["pending", "delivered", "failed"])
EndpointState = TypeAliasType("EndpointState", Literal["enabled", "disabled"])
SecretPurpose = Literal["signing", "header"]
DisabledReason = TypeAliasType("DisabledReason", Literal["requested", "gone", "failing"])

_MINUTE, _HOUR = 60, 3_600
RETRY_SECONDS = (5, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)))
"""The pauses after failed attempts. After the last one, a delivery has failed."""
MAX_JITTER = 0.1
"""The largest share by which a pause is longer, so that deliveries which failed together are not repeated together."""
MAX_RETRY_AFTER_SECONDS = 24 * _HOUR
GONE = 410

FAILING_DAYS = 5
"""How long every attempt must have failed before an endpoint is disabled."""
LONGEST_PAUSE = timedelta(hours=48)
"""Failures that are further apart are not one failure that lasts: nothing was tried in between."""

PAUSE_AFTER_FAILURES = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5, 60
MAX_ENDPOINT_PAUSE_SECONDS = _HOUR
"""How long an endpoint gets nothing because it asked for a pause. Its failed deliveries may wait longer."""


def is_success(status: int | None) -> bool:
    """Return whether a response with this status acknowledges a delivery. A redirect does not."""
    return status is not None and 200 <= status < 300


def retry_pause(failures: int, random: float, retry_after: float | None = None) -> float | None:
    """Return the seconds until the next attempt after so many failures, or None if that was the last.

    `random` is between 0 and 1. `retry_after` is the pause that the receiver has asked for.
    """
    if failures > len(RETRY_SECONDS):
        return None
    pause = RETRY_SECONDS[failures - 1] * (1 + MAX_JITTER * random)
    return max(pause, min(retry_after or 0.0, MAX_RETRY_AFTER_SECONDS))


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of a `Retry-After` header, which has seconds or a date, or None if it has neither."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


@dataclass(frozen=True, slots=True)
class Health:
    """How the latest attempts of an endpoint went."""

    failures: int = 0
    """Failed attempts since the last success."""
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    paused_until: datetime | None = None
    """Until then nothing is sent: it has failed too often, or asked for a pause."""

    @property
    def is_trusted(self) -> bool:
        """False if the next attempt must succeed before several are sent at a time."""
        return self.failures < PAUSE_AFTER_FAILURES

    def is_paused(self, now: datetime) -> bool:
        """Return whether nothing is sent now."""
        return self.paused_until is not None and now < self.paused_until

    def after_success(self, now: datetime) -> "Health":
        """Return the health after an attempt that was acknowledged. It does not end a pause."""
        return Health(paused_until=self.paused_until) if self.is_paused(now) else HEALTHY

    def after_failure(self, now: datetime, retry_after: float | None = None) -> "Health":
        """Return the health after a failed attempt. Attempts that end during a pause do not make it longer."""
        is_new = self.last_failure_at is None or now - self.last_failure_at > LONGEST_PAUSE
        since = now if is_new or self.failing_since is None else self.failing_since
        if self.is_paused(now):
            return replace(self, failing_since=since, last_failure_at=now)
        failures = self.failures + 1
        until = [now + timedelta(seconds=seconds) for seconds in (_pause(failures), retry_after) if seconds]
        longest = now + timedelta(seconds=MAX_ENDPOINT_PAUSE_SECONDS)
        return Health(failures, since, now, min(max(until), longest) if until else None)

    def has_failed_for_too_long(self, now: datetime) -> bool:
        """Return whether the endpoint is to be disabled."""
        return self.failing_since is not None and now - self.failing_since >= timedelta(days=FAILING_DAYS)


def _pause(failures: int) -> float | None:
    """Return the seconds of rest after so many failures in a row."""
    if failures < PAUSE_AFTER_FAILURES:
        return None
    return float(min(FIRST_PAUSE_SECONDS * 2 ** min(failures - PAUSE_AFTER_FAILURES, 10), LONGEST_PAUSE_SECONDS))


HEALTHY = Health()
