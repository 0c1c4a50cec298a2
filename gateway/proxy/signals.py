"""Signals: wake what waits for a tenant in this process, when the database notifies of a change in any process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg

from chassis.core.settings import Settings
from chassis.db.pool import connect

FEED_CHANNEL = "rapport_feed"
"""The NOTIFY channel of feeds that have grown. The payload is the tenant's id."""
RECONNECT_SECONDS = 0.5
HEARTBEAT_SECONDS = 5.0
"""How often the listening connection is tested. A connection can be lost without an error on this side."""


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
        """Listen until cancelled. After a lost connection everything is woken, because signals may have been missed."""
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_until_lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await connect(self._settings.database_url, self._settings)
        try:
            await connection.add_listener(self._channel, self._on_notification)
            for tenant in list(self._waiting):
                self._wake(tenant)
            while not connection.is_closed():
                await asyncio.sleep(HEARTBEAT_SECONDS)
                await connection.fetchval("select 1", timeout=HEARTBEAT_SECONDS)
        finally:
            connection.terminate()

    def _on_notification(self, _: Any, process: int, channel: str, payload: object) -> None:
        with suppress(ValueError):
            self._wake(UUID(str(payload)))

    def _wake(self, tenant: UUID) -> None:
        for signal in self._waiting.get(tenant, ()):
            signal.set()
