"""The lane of an endpoint in a worker: its loaded deliveries, and how many of them may be sent now."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chassis.core.clock import clock
from gateway.events.rules.retries import Health
from gateway.events.sending.endpoints import Endpoint
from gateway.events.webhook_queries import ClaimedLane, DueDelivery

MAX_LOADED = 32
"""Deliveries of a lane that are loaded or being sent."""
LINGER_SECONDS = 2.0
"""How long a worker keeps a lane that has nothing to send: the next event is then sent without a claim."""


class Lane:
    """Deliveries to an endpoint that a worker has leased. Every endpoint has its own, so none waits for another."""

    def __init__(self, claimed: ClaimedLane, endpoint: Endpoint, leased_until: float, concurrency: int) -> None:
        self.tenant_id = claimed.tenant_id
        self.id = claimed.id
        self.endpoint = endpoint
        self.health = Health(claimed.failures, claimed.failing_since, claimed.last_failure_at, claimed.paused_until)
        self.leased_until = leased_until
        """The monotonic time until which no other worker takes the lane."""
        self.may_have_more = True
        """False once everything that was due has been loaded."""
        self.known: set[UUID] = set()
        """The deliveries that are loaded, being sent, or not recorded yet."""
        self.sending = 0
        self.is_costly = False
        """True if its last response had to be cut off. It gets a request at a time then, each on a new connection."""
        self._concurrency = concurrency
        self._loaded: deque[DueDelivery] = deque()
        self._busy_at = time.monotonic()
        self._next_at = 0.0

    def add(self, deliveries: Iterable[DueDelivery]) -> None:
        """Add deliveries that were loaded."""
        for delivery in deliveries:
            self.known.add(delivery.id)
            self._loaded.append(delivery)

    def room(self, now: datetime) -> int:
        """Return how many deliveries to load now, or 0."""
        if not self.may_have_more or not self._may_send(now):
            return 0
        if not self.health.is_trusted:
            return 1 if not self.known else 0
        return MAX_LOADED - len(self.known) if len(self._loaded) <= MAX_LOADED // 4 else 0

    def take(self, now: datetime) -> DueDelivery | None:
        """Return the next delivery if it may be sent now."""
        limit = self._concurrency if self.health.is_trusted and not self.is_costly else 1
        if not self._loaded or self.sending >= limit or not self._may_send(now) or self.seconds_to_wait > 0:
            return None
        if self.endpoint.max_per_second is not None:
            self._next_at = max(self._next_at, time.monotonic()) + 1 / self.endpoint.max_per_second
        self.sending += 1
        self._busy_at = time.monotonic()
        return self._loaded.popleft()

    @property
    def seconds_to_wait(self) -> float:
        """How long the rate limit delays the next delivery."""
        return max(0.0, self._next_at - time.monotonic()) if self.endpoint.max_per_second is not None else 0.0

    @property
    def waits_for_rate(self) -> bool:
        """True if only the rate limit delays the next delivery."""
        return bool(self._loaded) and self._may_send(clock.now()) and self.seconds_to_wait > 0

    def succeed(self) -> None:
        """Count an attempt that was acknowledged."""
        self.health = self.health.after_success(clock.now())

    def fail(self, retry_after: float | None) -> None:
        """Count an attempt that failed."""
        self.health = self.health.after_failure(clock.now(), retry_after)

    def drop_loaded(self) -> None:
        """Remove the loaded deliveries that are not being sent. They are loaded again when they may be sent."""
        self.known.difference_update(delivery.id for delivery in self._loaded)
        self._loaded.clear()

    def is_done(self, now: datetime) -> bool:
        """Return whether the lane can be released."""
        if not self._may_send(now):
            self.drop_loaded()
            return not self.known
        is_idle = not (self.known or self.may_have_more or self.endpoint.recovers)
        return is_idle and time.monotonic() - self._busy_at > LINGER_SECONDS

    def _may_send(self, now: datetime) -> bool:
        is_leased = time.monotonic() < self.leased_until
        return is_leased and self.endpoint.is_active and not self.health.is_paused(now)
