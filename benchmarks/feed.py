"""The event feed: how fast a client reads it, page after page."""

import time

from benchmarks.load import ask
from benchmarks.stand import Stand, say
from chassis.types import json

PAGE_SIZE = 1_000


async def reading(stand: Stand) -> tuple[str, float]:
    """Read the feed from its beginning for some seconds. Returns a sentence, and the events per second."""
    path, events, bytes_read = f"/v1/events?limit={PAGE_SIZE}", 0, 0
    started = time.perf_counter()
    while time.perf_counter() - started < stand.sizes.seconds:
        (answer,) = await ask(stand.gateway, [stand.gateway.request("GET", path)])
        page = json.loads(answer)
        events, bytes_read = events + len(page["items"]), bytes_read + len(answer)
        if len(page["items"]) < PAGE_SIZE:
            break
        path = f"/v1/events?limit={PAGE_SIZE}&after={page['next_cursor']}"
    rate = events / (time.perf_counter() - started)
    text = f"A client reads {rate:,.0f} events per second from the feed ({bytes_read / events:,.0f} bytes each)."
    say(text)
    return text, rate
