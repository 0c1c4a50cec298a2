"""The client's side of a proxied request: its body, and whether the client is still connected."""

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.types import Message, Receive, Scope

from chassis.core.problems import PayloadTooLarge

MAX_BUFFERED_BYTES = 65_536
"""Maximum size of a body or a response that is forwarded whole. Streaming it would cost more than everything else."""
WATCH_DELAY_SECONDS = 0.05


class ClientDisconnected(Exception):
    """The client has closed its connection, so it will not read the response."""


class StreamedBody:
    """The request's body on its way to a service, and the client that sends it."""

    def __init__(self, receive: Receive, limit: int, length: int | None) -> None:
        self._receive = receive
        self._limit = limit
        self._received = 0
        self._begin: list[bytes] = []
        self.on_progress: Callable[[], None] = _ignore
        """Called when a part has arrived."""
        self.is_expected = length != 0
        self._complete = asyncio.Event()
        if length is not None and length > limit:
            raise self._too_large()
        if not self.is_expected:
            self._complete.set()

    @property
    def is_large(self) -> bool:
        """True if the body is larger than its buffered part."""
        return not self._complete.is_set()

    async def buffer(self) -> None:
        """Wait for the whole body, or for its first part if it is large."""
        while self.is_large and self._received < MAX_BUFFERED_BYTES:
            self._begin.append(await self._next())

    def content(self) -> bytes | AsyncIterator[bytes] | None:
        """Return the content to forward: a buffered body whole, any other in chunks as they arrive."""
        if not self.is_expected:
            return None
        return self._chunks() if self.is_large else b"".join(self._begin)

    def replayed(self) -> Receive:
        """Return a function that receives the buffered body first, for an application of this process."""
        messages: list[Message] = [{"type": "http.request", "body": b"".join(self._begin), "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else await self._receive()

        return receive

    async def wait_for_disconnect(self) -> None:
        """Return when the client has disconnected."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._begin:
            yield chunk
        while self.is_large:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        self.on_progress()
        chunk: bytes = message.get("body", b"")
        self._received += len(chunk)
        if self._received > self._limit:
            raise self._too_large()
        if not message.get("more_body", False):
            self._complete.set()
        return chunk

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"A body may have at most {self._limit} bytes.", limit=self._limit)


def _ignore() -> None:
    pass


class DisconnectWatcher:
    """Cancel the enclosed block if the client disconnects, and raise ClientDisconnected.

    Watching starts after 50 ms: most requests finish sooner, and a watcher task for each would add about 10 % to their
    cost.
    """

    def __init__(self, body: StreamedBody) -> None:
        self._body = body
        self._watching: asyncio.Task[None] | None = None
        self._disconnected = False

    def __enter__(self) -> None:
        self._watched = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_DELAY_SECONDS, self._start)

    def _start(self) -> None:
        self._watching = asyncio.ensure_future(self._body.wait_for_disconnect())
        self._watching.add_done_callback(self._on_disconnect)

    def _on_disconnect(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and watching.exception() is None and self._watched is not None:
            self._disconnected = True
            self._watched.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.remove_done_callback(self._on_disconnect)
            self._watching.cancel()
        if self._disconnected and kind is asyncio.CancelledError and self._watched is not None:
            self._watched.uncancel()
            raise ClientDisconnected from None


def announced_length(scope: Scope) -> int | None:
    """Return the body's length by its headers: None if it is sent in chunks, 0 if there is none."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length" and value.isdigit():
            length = int(value)
    return length
