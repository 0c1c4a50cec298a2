"""Raw bytes on a socket: requests that no HTTP client would send, and responses that no service would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


async def exchange(port: int, request: bytes, seconds: float = 10) -> bytes:
    """Send bytes and return the response until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


def head(line: str, key: str, host: str = "127.0.0.1") -> bytes:
    """Return a request without a body, for which the server closes the connection after the response."""
    return f"{line}\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode("latin-1")


@dataclass
class Listener:
    """A server that returns the same bytes to every client, and counts the connections."""

    answer: bytes = b""
    port: int = 0
    visits: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.visits += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: bytes = b"") -> AsyncIterator[Listener]:
    """Run a listener on a free port."""
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()
