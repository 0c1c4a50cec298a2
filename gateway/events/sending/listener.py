"""A listener to a NOTIFY channel, which connects again when its connection is lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from chassis.core.settings import Settings
from chassis.db.pool import connect

RECONNECT_SECONDS = 0.5
HEARTBEAT_SECONDS = 5.0
"""How often the connection is tested. It can be lost without an error on this side."""


class Listener:
    """Calls a function with the payload of each notification, and with an empty one after each connection."""

    def __init__(self, settings: Settings, channel: str, notify: Callable[[str], None]) -> None:
        self._settings = settings
        self._channel = channel
        self._notify = notify

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_until_lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        assert self._settings.worker_database_url is not None
        connection = await connect(self._settings.worker_database_url, self._settings)
        try:
            closed = asyncio.Event()
            connection.add_termination_listener(lambda *_: closed.set())
            await connection.add_listener(self._channel, self._on_notification)
            self._notify("")
            while not closed.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await closed.wait()
                await connection.fetchval("select 1", timeout=HEARTBEAT_SECONDS)
        finally:
            connection.terminate()

    def _on_notification(self, _: Any, process: int, channel: str, payload: object) -> None:
        self._notify(str(payload))
