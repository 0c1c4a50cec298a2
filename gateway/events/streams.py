"""The feed as a stream of server-sent events (WHATWG HTML, section 9.2).

A stream sends the feed from a place on, and goes on as it grows. A notification of the database wakes it, in whichever
replica the event was recorded. It looks again from time to time, so that a lost notification costs only time.
"""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.responses import StreamingResponse

from chassis import Caller, UnitOfWork
from chassis.db.transaction import Transaction
from chassis.service import RunningService
from gateway.events.queries import Place, Selection, end_of_feed, read_after
from gateway.proxy.reverse_proxy import ReverseProxy
from gateway.proxy.streams import STREAM_TYPE

PAGE_SIZE = 200
RECONNECT_MILLISECONDS = 1_000
"""How long a client waits before it connects again."""
HEARTBEAT_SECONDS = 10.0
"""How often a stream without events sends a comment, so that proxies keep it open."""


def asks_for_stream(request: Request) -> bool:
    """Return whether the client prefers a stream to a page.

    Generated clients accept every media type that the operation declares, in its order: JSON, then the stream.
    """
    before, stream, _ = request.headers.get("accept", "").partition(STREAM_TYPE)
    return bool(stream) and "application/json" not in before


class EventStream(StreamingResponse):
    """Events from a place on. It ends when the client disconnects, its key is refused or the server stops."""

    media_type = STREAM_TYPE

    def __init__(self, running: RunningService, caller: Caller, place: Place | None, selection: Selection) -> None:
        headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(_frames(running, caller, place, selection), headers=headers)


async def _frames(
    running: RunningService, caller: Caller, place: Place | None, selection: Selection
) -> AsyncIterator[bytes]:
    proxy = running.outer_app
    assert isinstance(proxy, ReverseProxy)
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n".encode()
    with proxy.feed_signal.waiting(caller.tenant.id) as signal:
        while True:
            signal.clear()
            async with Transaction(running.pool, caller, writes=False) as transaction:
                work = UnitOfWork(transaction)
                end = await end_of_feed(work)
                events = await read_after(work, place, selection, PAGE_SIZE)
            if events:
                yield b"".join(_frame(str(event.id), event.to_json(caller.tenant.id)) for event in events)
                place = Place(events[-1].position, events[-1].id)
            if len(events) == PAGE_SIZE:
                continue
            if end is not None and (place is None or end.position > place.position):
                place = end
                yield _frame(str(end.id))  # so that a client that returns need not pass the events of other types again
            if not await signal.wait(HEARTBEAT_SECONDS):
                yield b":\n\n"


def _frame(id: str, data: bytes = b"") -> bytes:
    """Return an event of the stream. Without data it only tells the client its place."""
    return b"id: %s\n\n" % id.encode() if not data else b"id: %s\ndata: %s\n\n" % (id.encode(), data)
