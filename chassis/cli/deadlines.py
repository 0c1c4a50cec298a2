"""Deadlines of connections, and their number. A client that sends or reads too slowly loses its connection.

One timer for all connections of a process looks at them once a second: a timer for each request would cost more.
"""

import asyncio
import resource
from typing import Protocol

SWEEP_SECONDS = 1.0
HEAD_SECONDS = 10.0
"""How long the head of a request may take, from its first byte, or from the connection for the first request."""
GRACE_SECONDS = 10.0
"""How long a body may take at any rate."""
MIN_BYTES_PER_SECOND = 1_000
"""Average rate at which a body must arrive, and a response must be read."""
READ_SECONDS = 30.0
"""After this time, a client that has not read at the minimum rate is disconnected."""
MAX_CONNECTIONS = 8_000


class Watched(Protocol):
    """A connection that is watched. Protocols of uvicorn are, in `chassis.cli.server`."""

    transport: asyncio.Transport
    progress: "Progress"

    @property
    def is_running(self) -> bool:
        """True from the end of a request's head to the end of its response."""

    @property
    def awaits_body(self) -> bool:
        """True if the client may send the body: it does not wait to be asked, and is not slowed down."""

    def end_slow_head(self) -> None:
        """Close the connection, whose head has taken too long."""

    def end_slow_body(self) -> None:
        """Close the connection, whose body arrives too slowly."""


class Progress:
    """The progress of a connection, counted in sweeps."""

    __slots__ = ("body_bytes", "body_seconds", "head_seconds", "unread_bytes", "unread_seconds")

    def __init__(self) -> None:
        self.head_seconds: float | None = 0.0
        """How long the head has taken, or None while none is expected."""
        self.body_seconds: float | None = None
        """How long the body has taken, without the time in which the service did not read it."""
        self.body_bytes = 0
        self.unread_bytes = 0
        self.unread_seconds = 0.0

    def begin_head(self) -> None:
        """Start the deadline of a head."""
        self.head_seconds = 0.0

    def begin_body(self) -> None:
        """Start the deadline of a body."""
        self.head_seconds, self.body_seconds, self.body_bytes = None, 0.0, 0

    def end_body(self) -> None:
        """End the deadline of a body."""
        self.body_seconds = None


class Deadlines:
    """The connections of a process: each keeps the deadlines, and together they keep the maximum."""

    def __init__(self, max_connections: int | None = None) -> None:
        self.max_connections = max_connections or default_max_connections()
        self._connections: set[Watched] = set()
        self._waiting: dict[Watched, None] = {}  # in the order in which they began to wait for a head
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def count(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def add(self, connection: Watched) -> None:
        """Watch a new connection. Beyond the maximum, that which has waited longest without a request is closed."""
        self._connections.add(connection)
        self._waiting[connection] = None
        if len(self._connections) > self.max_connections:
            oldest = next(iter(self._waiting))
            self.discard(oldest)
            oldest.transport.abort()
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(SWEEP_SECONDS, self._sweep)

    def discard(self, connection: Watched) -> None:
        """Watch a connection no longer."""
        self._connections.discard(connection)
        self._waiting.pop(connection, None)

    def begin_request(self, connection: Watched) -> None:
        """Protect a connection with a running request from being closed for a new one."""
        self._waiting.pop(connection, None)

    def end_request(self, connection: Watched) -> None:
        """Let a connection without a running request be closed for a new one."""
        if connection in self._connections:
            self._waiting[connection] = None

    def _sweep(self) -> None:
        for connection in list(self._connections):
            _check(connection, SWEEP_SECONDS)
        loop, self._loop = self._loop, None
        if loop is not None and self._connections:
            self._loop = loop
            loop.call_later(SWEEP_SECONDS, self._sweep)


def _check(connection: Watched, seconds: float) -> None:
    progress = connection.progress
    if _is_unread(progress, connection.transport.get_write_buffer_size(), seconds):
        connection.transport.abort()
    elif progress.head_seconds is not None and not connection.is_running:
        progress.head_seconds += seconds
        if progress.head_seconds > HEAD_SECONDS:
            connection.end_slow_head()
    elif progress.body_seconds is not None and connection.awaits_body:
        progress.body_seconds += seconds
        needed = progress.body_seconds * MIN_BYTES_PER_SECOND
        if progress.body_seconds > GRACE_SECONDS and progress.body_bytes < needed:
            connection.end_slow_body()


def _is_unread(progress: Progress, unread: int, seconds: float) -> bool:
    """Return whether the client reads too slowly: its unread bytes do not shrink at the minimum rate."""
    is_read = unread <= progress.unread_bytes - READ_SECONDS * MIN_BYTES_PER_SECOND
    if unread == 0 or unread > progress.unread_bytes or is_read:
        progress.unread_bytes, progress.unread_seconds = unread, 0.0
        return False
    progress.unread_seconds += seconds
    return progress.unread_seconds > READ_SECONDS


def default_max_connections() -> int:
    """Return the maximum for this process: a part of the file descriptors that it may open."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if descriptors < 0 else min(MAX_CONNECTIONS, descriptors * 8 // 10)
