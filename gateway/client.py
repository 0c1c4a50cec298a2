"""The client behind a request: what it sends, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope

from chassis.problems import TooLarge

SMALL = 65_536
"""Bytes of a body or an answer that passes whole: to stream it costs more than the rest of its way."""
WATCHED_AFTER_SECONDS = 0.05


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Body:
    """The request's body on its way through, and the client behind it."""

    def __init__(self, receive: Receive, limit: int, length: int | None) -> None:
        self._receive = receive
        self._limit = limit
        self._is_small = length is not None and length <= SMALL
        self._gathered: bytes | None = None
        self.expected = length != 0
        self._complete = asyncio.Event()
        if length is not None and length > limit:
            raise TooLarge(f"At most {limit} bytes are taken.", limit=limit)
        if not self.expected:
            self._complete.set()

    async def gather_small(self) -> None:
        """Waits for the whole of a body that is small: to stream one costs more than the rest of its way."""
        if self.expected and self._is_small:
            self._gathered = b"".join([piece async for piece in self._pieces()])

    def content(self) -> bytes | AsyncIterator[bytes] | None:
        """What is sent on: a small body whole, any other piece by piece as it arrives."""
        if not self.expected:
            return None
        return self._pieces() if self._gathered is None else self._gathered

    async def _pieces(self) -> AsyncIterator[bytes]:
        taken, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise TooLarge(f"At most {self._limit} bytes are taken.", limit=self._limit)
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]
        self._complete.set()

    async def client_goes(self) -> None:
        """Returns when the client has gone."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Watch:
    """Cancels what runs within it when the client goes first, which then raises ClientGone.

    It looks only after a while: most answers are there by then, and a task for each would cost a tenth of its way.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    def __enter__(self) -> None:
        self._watched = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCHED_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        self._watching = asyncio.ensure_future(self._body.client_goes())
        self._watching.add_done_callback(self._ended)

    def _ended(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and watching.exception() is None and self._watched is not None:
            self._gone = True
            self._watched.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.remove_done_callback(self._ended)
            self._watching.cancel()
        if self._gone and kind is asyncio.CancelledError and self._watched is not None:
            self._watched.uncancel()
            raise ClientGone from None


def announced_length(scope: Scope) -> int | None:
    """The body's announced length; None when it comes in chunks."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length" and value.isdigit():
            length = int(value)
    return length
