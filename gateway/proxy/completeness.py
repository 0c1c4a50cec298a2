"""Completeness: whether every published event has been applied, found out from time to time and on request."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Gauge

from chassis.core.clock import clock
from chassis.core.identity import OPERATOR_CALLER
from chassis.core.telemetry import Metrics, log
from chassis.messaging.tallies import readers_that_differ
from gateway.proxy.readings import Readings

PERIOD = timedelta(days=2)
"""How far back events are compared. `rapport reconcile` compares further."""
MARGIN = timedelta(seconds=5)
"""The youngest events are left out: their transactions may not have ended yet."""
POLL_SECONDS = 0.5
WAIT_SECONDS = 60.0
"""How long a comparison from time to time waits for events that are on their way."""
Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison."""

    complete: bool | None
    """None if a service is unavailable, or did not apply the events on their way in time."""
    compared_at: datetime | None


class Completeness:
    """Compares the services, and keeps the last result."""

    def __init__(self, readings: Readings, metrics: Metrics) -> None:
        self._readings = readings
        self._gauge = Gauge(
            "events_complete",
            "1 if every event of the last two days was applied, 0 if events are missing, NaN if that is not known.",
            registry=metrics.registry,
        )
        self._gauge.set(float("nan"))
        self.latest = Comparison(None, None)

    async def run(self, every_seconds: float) -> None:
        """Compare again and again."""
        while True:
            before = self.latest.complete
            try:
                await self.compare(WAIT_SECONDS)
            except Exception as error:
                log.warning("events were not compared", error=repr(error))
            if self.latest.complete is False and before is not False:
                log.error("events are missing: see `rapport reconcile`")
            await asyncio.sleep(every_seconds)

    async def compare(self, wait_seconds: float) -> Comparison:
        """Compare now. Wait up to this time for events that are on their way."""
        now = clock.now()
        self.latest = Comparison(await self._is_complete((now - PERIOD, now - MARGIN), wait_seconds), now)
        self._gauge.set(float("nan") if self.latest.complete is None else self.latest.complete)
        return self.latest

    async def _is_complete(self, period: Period, wait_seconds: float) -> bool | None:
        statuses = await self._readings.statuses(OPERATOR_CALLER)
        if any(status is None for status in statuses.values()):
            return None
        if any(status.dead_letters for status in statuses.values() if status):
            return False
        differing = await self._differing(period)
        if not differing:
            return None if differing is None else True
        passed = await self._pass_ends(differing, wait_seconds)
        differing = await self._differing(period)
        if not differing:
            return None if differing is None else True
        return False if passed else None

    async def _differing(self, period: Period) -> set[str] | None:
        """Return the services that have not applied all published events, or None if a service is unavailable."""
        tallies = await self._readings.tallies(*period)
        known = {name: each for name, each in tallies.items() if each is not None}
        return readers_that_differ(known) if len(known) == len(tallies) else None

    async def _pass_ends(self, readers: set[str], wait_seconds: float) -> bool:
        """Wait until readers have applied the events that are on their way now. Returns whether they have.

        Each service must have had an empty outbox once. Then the ends of the topics count.
        """
        to_empty: set[str] | None = None
        ends: dict[str, int] = {}
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while True:
            statuses = await self._readings.statuses(OPERATOR_CALLER)
            known = {name: status for name, status in statuses.items() if status is not None}
            to_empty = set(statuses) if to_empty is None else to_empty
            to_empty -= {name for name, status in known.items() if status.outbox_pending == 0}
            if not to_empty:
                applied = {name: status.applied for name, status in known.items() if status.applied is not None}
                lags = {name: status.consumer_lag for name, status in known.items() if status.consumer_lag is not None}
                ends = {name: applied[name] + lags[name] for name in applied.keys() & lags.keys()} | ends
                if all(name in ends and applied.get(name, -1) >= ends[name] for name in readers):
                    return True
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
