"""A listener to a NOTIFY channel, which connects again when its connection is lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg
from pydantic import PostgresDsn

from chassis.core.settings import Settings
from chassis.db.pool import connect

RECONNECT_SECONDS = 0.5
HEARTBEAT_SECONDS = 2.0
"""How often the connection is tested. It can be lost without an error on this side."""


class Listener:
    """Calls `notify` with the payload of each notification.

    It calls `set_connected` with True when it has begun to listen, because notifications may have been missed before,
    and with False when its connection is lost.
    """

    def __init__(
        self,
        url: PostgresDsn,
        settings: Settings,
        channel: str,
        notify: Callable[[str], None],
        set_connected: Callable[[bool], None],
    ) -> None:
        self._url = url
        self._settings = settings
        self._channel = channel
        self._notify = notify
        self._set_connected = set_connected

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_until_lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_until_lost(self) -> None:
        connection = await connect(self._url, self._settings)
        try:
            closed = asyncio.Event()
            connection.add_termination_listener(lambda *_: closed.set())
            await connection.add_listener(self._channel, self._on_notification)
            self._set_connected(True)
            while not closed.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await closed.wait()
                await connection.fetchval("select 1", timeout=HEARTBEAT_SECONDS)
        finally:
            self._set_connected(False)
            connection.terminate()

    def _on_notification(self, _: Any, process: int, channel: str, payload: object) -> None:
        self._notify(str(payload))
