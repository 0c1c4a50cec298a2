"""A server on a socket with Rapport's HTTP protocol, whose application returns the requests that it receives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from chassis.cli.server import BoundedHttp
from chassis.types import json


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Return method, path, headers and body of a request. At the path `/early`, do not wait for the body."""
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    content = json.dumps([scope["method"], scope["path"], headers, body.decode("latin-1")])
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": content})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an application on a port, which is yielded."""
    config = Config(app, log_config=None, access_log=False, ws="none", lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: BoundedHttp(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        await server.wait_closed()


def echoing() -> AbstractAsyncContextManager[int]:
    """Run the server that echoes. Yields its port."""
    return serving(echo)


class Connection:
    """A client's connection, on which requests are sent in any pieces."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, pieces: list[bytes]) -> None:
        """Send pieces, each in a segment of its own."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next response."""
        async with asyncio.timeout(10):
            head, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(head.split()[1]), headers, body

    async def echoed(self) -> list[Any]:
        """Return the next request that the echo has received."""
        status, _, body = await self.response()
        assert status == 200, body
        return list(json.loads(body))

    async def rest(self) -> bytes:
        """Return the bytes that arrive until the server closes the connection."""
        async with asyncio.timeout(10):
            return await self._reader.read()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Open a connection to a local port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
