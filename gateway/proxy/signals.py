"""Signals: wake what waits for a tenant in this process, when the database notifies of a change in any process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from chassis.core.settings import Settings
from chassis.db.listener import Listener

FEED_CHANNEL = "rapport_feed"
"""The NOTIFY channel of feeds that have grown. The payload is the tenant's id."""


class Signal:
    """A flag that a notification sets."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.clear, self.set = self._event.clear, self._event.set

    async def wait(self, seconds: float) -> bool:
        """Wait until the flag is set, at most this long. Returns whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        return self._event.is_set()


class TenantSignals:
    """Listens to a channel whose payloads are ids of tenants."""

    def __init__(self, channel: str, settings: Settings) -> None:
        self._channel = channel
        self._settings = settings
        self._waiting: dict[UUID, set[Signal]] = {}

    @contextmanager
    def waiting(self, tenant: UUID) -> Iterator[Signal]:
        """Return a signal that each notification of the tenant sets, for the block."""
        signal = Signal()
        signals = self._waiting.setdefault(tenant, set())
        signals.add(signal)
        try:
            yield signal
        finally:
            signals.discard(signal)
            if not signals:
                self._waiting.pop(tenant, None)

    async def run(self) -> None:
        """Listen until cancelled."""
        await Listener(
            self._settings.database_url, self._settings, self._channel, self._notified, self._set_connected
        ).run()

    def _notified(self, payload: str) -> None:
        with suppress(ValueError):
            self._wake(UUID(payload))

    def _set_connected(self, connected: bool) -> None:
        """Wake everything after a connection, because signals may have been missed."""
        for tenant in list(self._waiting) if connected else ():
            self._wake(tenant)

    def _wake(self, tenant: UUID) -> None:
        for signal in self._waiting.get(tenant, ()):
            signal.set()
