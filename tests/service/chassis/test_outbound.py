"""Requests to servers that a tenant chose: bounded in size and time, and to allowed addresses only."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from chassis.http.outbound import OutboundError, OutboundPolicy, fetch, open_session

DEVELOPMENT = OutboundPolicy(allow_loopback=True)


async def _answer(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/redirect":
            return web.Response(status=302, headers={"Location": "/"})
        case "/huge":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 10_000)
        case "/dripping":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.05)
        case "/zipped":
            return web.Response(body=b"\x1f\x8b...", headers={"Content-Encoding": "gzip"})
        case _:
            return web.Response(text="welcome")


@asynccontextmanager
async def local_server() -> AsyncIterator[URL]:
    """Run a server on loopback."""
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield URL(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def get(url: URL, policy: OutboundPolicy = DEVELOPMENT, seconds: float = 5) -> bytes:
    async with open_session(policy) as session:
        return await fetch(session, url, max_bytes=50_000, seconds=seconds)


async def test_a_response_is_returned_as_it_was_sent() -> None:
    async with local_server() as url:
        assert await get(url / "welcome") == b"welcome"
        assert await get(url / "zipped") == b"\x1f\x8b..."


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("redirect", "the server responded with 302 instead of 200"),
        ("huge", "the response is larger than 50000 bytes"),
        ("dripping", "there was no complete response within 0.5 seconds"),
    ],
)
async def test_an_unusable_response_is_an_error_that_says_why(path: str, reason: str) -> None:
    async with local_server() as url:
        with pytest.raises(OutboundError, match=reason):
            await get(url / path, seconds=0.5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_without_the_development_setting_no_connection_to_loopback_is_opened(host: str) -> None:
    async with local_server() as url:
        with pytest.raises(OutboundError, match="the host has no public address"):
            await get(url.with_host(host), OutboundPolicy())


async def test_a_name_that_resolves_to_another_address_after_its_check_is_not_connected_to() -> None:
    # given a name server whose answer changes to loopback
    class Rebinding(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

        async def close(self) -> None: ...

    policy = OutboundPolicy(ports=range(65_536))
    async with local_server() as local:
        url = policy.require_url(f"http://example.com:{local.port}/", ("http",))

        # when it is called
        async with open_session(policy, resolver=Rebinding()) as session:
            with pytest.raises(OutboundError) as error:
                await fetch(session, url, max_bytes=1_000, seconds=5)

    # then there was no connection, and the error does not show the address
    assert str(error.value) == "the host has no public address"


async def test_a_server_that_is_unavailable_is_named_so() -> None:
    async with local_server() as url:
        pass

    with pytest.raises(OutboundError, match="the connection was refused or timed out"):
        await get(url)
