"""Streams of server-sent events: responses that do not end by themselves.

A stream gives its slot back once it has begun. It ends as soon as its credential is refused, because a long response
must not outlive the key that opened it.
"""

from collections.abc import Awaitable, Callable

from starlette.types import Message, Scope, Send

from chassis.core.problems import Problem
from chassis.http.context import ENDLESS
from gateway.proxy.client import ClientDisconnected

IS_HEAD = "rapport.is_head"
"""Marks the scope of a HEAD request that is served as GET."""
STREAM_TYPE = "text/event-stream"


class StreamGuard:
    """The `send` of a request to the gateway itself. A response that is no stream passes unchanged."""

    def __init__(
        self,
        scope: Scope,
        send: Send,
        release_slot: Callable[[], Awaitable[None]],
        authenticate: Callable[[], Awaitable[object]],
    ) -> None:
        self._scope = scope
        self._send = send
        self._release_slot = release_slot
        self._authenticate = authenticate
        self._is_stream = False

    async def __call__(self, message: Message) -> None:
        """Send a part of the response. Raises ClientDisconnected to end a stream."""
        if message["type"] == "http.response.start":
            self._is_stream = is_stream(message)
            if self._is_stream:
                self._scope[ENDLESS] = True
                await self._release_slot()
        elif self._is_stream and await self._ends():
            await self._send({"type": "http.response.body", "body": b""})
            raise ClientDisconnected
        await self._send(message)

    async def _ends(self) -> bool:
        """Return whether the stream must end before its next part: the headers were all, or the key is refused."""
        if self._scope.get(IS_HEAD):
            return True
        try:
            await self._authenticate()
        except Problem:
            return True
        return False


def is_stream(message: Message) -> bool:
    """Return whether a response is a stream of server-sent events."""
    return any(name == b"content-type" and value.startswith(STREAM_TYPE.encode()) for name, value in message["headers"])
