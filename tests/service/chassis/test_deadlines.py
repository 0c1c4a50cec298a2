"""Deadlines: clients that send or read too slowly are disconnected, and no number of them keeps others out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from chassis.cli import deadlines
from chassis.cli.server import BoundedHttp
from chassis.types import json
from tests.support.echo import Connection, connected, echoing

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Run a server whose deadlines are a hundredth of the real ones, and its sweeps too."""
    monkeypatch.setattr(deadlines, "SWEEP_SECONDS", 0.01)
    for name in ("HEAD_SECONDS", "GRACE_SECONDS", "READ_SECONDS"):
        monkeypatch.setattr(deadlines, name, getattr(deadlines, name) / 50)
    monkeypatch.setattr(deadlines, "MIN_BYTES_PER_SECOND", 50_000)
    async with echoing() as port:
        yield port


@asynccontextmanager
async def dribbling(connection: Connection, piece: bytes) -> AsyncIterator[None]:
    """Send a piece every few milliseconds while the block runs, or until the server closes the connection."""

    async def dribble() -> None:
        with suppress(ConnectionError):
            while True:
                await connection.send([piece])
                await asyncio.sleep(0.005)

    sending = asyncio.ensure_future(dribble())
    yield
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize("after_another", [False, True], ids=["first", "second"])
async def test_a_head_that_does_not_end_gets_a_408(port: int, after_another: bool) -> None:
    async with connected(port) as connection:
        if after_another:
            await connection.send([GET])
            await connection.echoed()
        await connection.send([GET[:20]])
        async with dribbling(connection, b"a"):
            status, headers, body = await connection.response()
        assert (status, headers["connection"], json.loads(body)["code"]) == (408, "close", "request_timeout")


async def test_empty_lines_are_no_head(port: int) -> None:
    async with connected(port) as connection:
        await connection.send([GET])
        await connection.echoed()
        async with dribbling(connection, b"\r\n"):
            status, _, _ = await connection.response()
        assert status == 408


async def test_a_connection_without_a_request_is_closed(port: int) -> None:
    async with connected(port) as connection:
        assert await connection.rest() == b""


async def test_a_body_that_arrives_too_slowly_gets_a_408(port: int) -> None:
    async with connected(port) as connection:
        await connection.send([POST % 100_000])
        async with dribbling(connection, b"a" * 10):
            status, headers, body = await connection.response()
        assert (status, headers["connection"], json.loads(body)["code"]) == (408, "close", "request_timeout")


async def test_a_long_body_at_a_sufficient_rate_is_received(port: int) -> None:
    async with connected(port) as connection:
        await connection.send([POST % 100_000])
        for _ in range(50):  # half a second, while the grace is a fifth
            await connection.send([b"a" * 2_000])
            await asyncio.sleep(0.01)
        assert (await connection.echoed())[3] == "a" * 100_000


async def test_a_client_that_does_not_read_its_response_is_disconnected(port: int) -> None:
    small = socket.create_connection(("127.0.0.1", port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    small.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(small, POST % 8_000_000 + b"a" * 8_000_000)
    async with asyncio.timeout(10):
        while BoundedHttp.deadlines.count:  # noqa: ASYNC110  # the server is in this process, and has no event for it
            await asyncio.sleep(0.05)
    small.close()


async def test_a_new_connection_closes_the_one_that_has_waited_longest(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp.deadlines, "max_connections", 3)
    async with connected(port) as running, connected(port) as idle, connected(port) as half:
        await running.send([POST % 3])
        await idle.send([GET])
        await idle.echoed()
        await half.send([GET, GET[:20]])
        await half.echoed()
        async with connected(port) as new:
            await new.send([GET])
            assert (await new.echoed())[1] == "/a"
            await running.send([b"abc"])
            assert (await running.echoed())[3] == "abc"
            assert await idle.rest() == b""


async def test_a_connection_with_a_running_request_is_not_closed_for_a_new_one(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp.deadlines, "max_connections", 1)
    async with connected(port) as running:
        await running.send([POST % 3])
        await asyncio.sleep(0.05)
        async with connected(port) as new:
            assert await new.rest() == b""
        await running.send([b"abc"])
        assert (await running.echoed())[3] == "abc"


async def test_half_heads_by_the_thousand_keep_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttp.deadlines, "max_connections", 100)
    monkeypatch.setattr(deadlines, "HEAD_SECONDS", 60)
    held = []
    for _ in range(1_000):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET[:20])
        held.append(writer)
    async with connected(port) as connection:
        await connection.send([GET])
        assert (await connection.echoed())[1] == "/a"
    assert BoundedHttp.deadlines.count <= 100
    for writer in held:
        writer.close()
