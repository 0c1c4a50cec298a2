"""The event feed of the running system: streams, restarts and replicas. Nothing is missing, and nothing comes twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.types import json
from tests.support.facts import a_customer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.replica import Replica
from tests.support.stack import RunningStack, Visitor, a_visitor

STREAM = {"Accept": "text/event-stream"}
Frame = dict[str, Any]


@asynccontextmanager
async def stream(visitor: Visitor, url: str = "", **headers: str) -> AsyncIterator["Frames"]:
    request = visitor.client.stream("GET", f"{url}/v1/events?types=customers.*", headers=STREAM | headers, timeout=30)
    async with request as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Frames(response)


class Frames:
    """The frames of a stream with an event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self, seconds: float = 10) -> Frame:
        """Return the next event. Raises StopAsyncIteration at the end of the stream."""
        async with asyncio.timeout(seconds):
            while True:
                name, _, value = (await anext(self._lines)).partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "data":
                    return dict(json.loads(value))


async def created(visitor: Visitor) -> str:
    answer = await visitor.request_until_answered("POST", "/v1/customers", json=a_customer())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_stream_goes_on_with_each_new_event_and_continues_after_a_break(visitor: Visitor) -> None:
    before = await created(visitor)
    async with stream(visitor) as frames:
        assert (await frames.next())["subject"] == before
        for _ in range(3):
            customer, started = await created(visitor), time.monotonic()
            assert (await frames.next())["subject"] == customer
            assert time.monotonic() - started < 5
        last = frames.last_id
    missed = [await created(visitor) for _ in range(3)]
    async with stream(visitor, **{"Last-Event-ID": last}) as frames:
        seen = [(await frames.next())["subject"] for _ in missed]
        assert sorted(seen) == sorted(missed)  # customers have no order among each other


async def test_streams_keep_no_slot_and_end_with_their_key(stack: RunningStack, visitor: Visitor) -> None:
    issued = (await visitor.request("POST", "/v1/api-keys", json={"name": "feed", "scopes": ["events:read"]})).json()
    follower = Visitor(stack, issued["key"])
    streams = [stream(follower) for _ in range(40)]
    opened = [await one.__aenter__() for one in streams]
    customer = await created(visitor)
    assert [(await frames.next())["subject"] for frames in opened] == [customer] * 40
    started = time.monotonic()
    assert (await visitor.request("DELETE", f"/v1/api-keys/{issued['id']}")).status_code == 204
    assert time.monotonic() - started < 2, "a request waits for no stream"
    await created(visitor)
    for frames in opened:
        with pytest.raises(StopAsyncIteration):
            await frames.next()
    for one in streams:
        await one.__aexit__(None, None, None)
    await follower.close()


async def test_head_of_a_stream_ends(visitor: Visitor) -> None:
    answer = await visitor.client.head("/v1/events", headers=STREAM, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json, text/event-stream, application/problem+json", "application/json"),
        ("text/event-stream, application/json", "text/event-stream"),
        ("*/*", "application/json"),
    ],
)
async def test_a_client_that_accepts_pages_and_streams_gets_those_that_it_names_first(
    visitor: Visitor, accept: str, media_type: str
) -> None:
    answer = await visitor.client.head("/v1/events", headers={"Accept": accept}, timeout=5)
    assert answer.headers["content-type"].startswith(media_type)


@pytest.mark.nightly
async def test_a_receiver_misses_nothing_while_gateways_are_stopped_and_killed(tmp_path: Path) -> None:
    """Two gateways add events to the feed, and answer requests. Each is killed or stopped while events arrive."""
    stack = RunningStack(tmp_path)
    stack.start()
    visitor = a_visitor(stack)
    second = await Replica(stack, "gateway", name="second").ready()
    try:
        follower = Follower(visitor, [stack.url, f"http://127.0.0.1:{second.port}"])
        following = asyncio.create_task(follower.run())
        for how in (signal.SIGKILL, signal.SIGTERM):
            await _create(visitor, 60)
            pid = stack.kill("gateway", how)
            await _create(visitor, 60)
            await stack.revived("gateway", pid)
        started = time.monotonic()
        await second.stop()
        assert time.monotonic() - started < 10, "open streams do not delay the end of a gateway"
        await _create(visitor, 20)
        await visitor.drained()
        last = await created(visitor)
        await follower.has_seen(last)
        following.cancel()
        await visitor.drained()
        feed = await _read(visitor)
        published = await _published(stack)
        assert follower.ids == [id for id, type in feed if type.startswith("customers.")]
        assert sorted(id for id, _ in feed) == sorted(published)
        stack.command("republish", "customers")
        await visitor.drained()
        assert await _read(visitor) == feed, "events that are published again are in the feed already"
    finally:
        await visitor.close()
        stack.stop()


async def _create(visitor: Visitor, count: int) -> None:
    for first in range(0, count, 10):
        items = [
            a_customer(external_ids=[{"source": "n", "id": f"{time.monotonic_ns()}-{first}-{n}"}]) for n in range(10)
        ]
        await visitor.request_until_answered("POST", "/v1/customers/batch", json={"items": items})


class Follower:
    """Follows the customers' events. After each break it continues at the other gateway."""

    def __init__(self, visitor: Visitor, urls: list[str]) -> None:
        self._visitor = visitor
        self._urls = urls
        self.ids: list[str] = []
        self._subjects: set[str] = set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            self._urls.reverse()
            last = {"Last-Event-ID": self.ids[-1]} if self.ids else {}
            try:
                async with stream(self._visitor, self._urls[0], **last) as frames:
                    while True:
                        event = await frames.next(30)
                        self.ids.append(event["id"])
                        self._subjects.add(event["subject"])
            except (httpx.TransportError, StopAsyncIteration, AssertionError, TimeoutError):
                await asyncio.sleep(0.1)

    async def has_seen(self, customer: str) -> None:
        """Wait for an event about a customer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while customer not in self._subjects:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def _read(visitor: Visitor) -> list[tuple[str, str]]:
    """Return the ids and types of the whole feed, read page by page."""
    read: list[tuple[str, str]] = []
    path = "/v1/events?limit=50"
    while True:
        answer = (await visitor.request("GET", path)).json()
        if not answer["items"]:
            return read
        read += [(event["id"], event["type"]) for event in answer["items"]]
        path = f"/v1/events?limit=50&after={answer['next_cursor']}"


async def _published(stack: RunningStack) -> list[str]:
    ids = []
    for service in ("gateway", "customers", "interactions", "loyalty", "analytics"):
        ids += [row["event_id"] for row in await stack.rows(service, "select event_id from chassis.published_event")]
    return [str(id) for id in ids]
