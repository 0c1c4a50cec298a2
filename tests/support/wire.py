"""Bytes on a socket: what no HTTP client would send, and servers that answer what no service would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


async def exchange(port: int, request: bytes, seconds: float = 10) -> bytes:
    """What comes back for these bytes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


def head(line: str, key: str, host: str = "127.0.0.1") -> bytes:
    """A request without a body, after whose answer the connection is closed."""
    return f"{line}\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode("latin-1")


@dataclass
class Listener:
    """A server that answers everybody the same bytes, and counts who came."""

    answer: bytes = b""
    port: int = 0
    visits: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One visitor."""
        self.visits += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: bytes = b"") -> AsyncIterator[Listener]:
    """A listener on a free port."""
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()
