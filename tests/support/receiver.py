"""A receiver of webhooks on a socket. A test decides how it answers: it can hang, drip, reset and flood, too."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chassis.types import json


@dataclass(frozen=True)
class Received:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, object]:
        """The event in its body."""
        return dict(json.loads(self.body))

    @property
    def id(self) -> str:
        """The id that stays the same when the delivery is repeated."""
        return self.headers["webhook-id"]


Behaviour = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = int | tuple[int, dict[str, str], bytes] | Behaviour


@dataclass
class Receiver:
    """A server that keeps what it receives. `answer` decides on the response to each request."""

    answer: Callable[[Received], Answer] = lambda _: 200
    requests: list[Received] = field(default_factory=list)
    port: int = 0
    open: int = 0
    """Connections that are open."""

    @property
    def url(self) -> str:
        """The URL for an endpoint."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The ids of the received events, in order."""
        return [request.id for request in self.requests]

    async def receive(self, count: int, seconds: float = 20) -> list[Received]:
        """Wait until so many requests have arrived. Returns all."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.open += 1
        try:
            while True:
                head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Received(head.split()[1], headers, body, time.monotonic())
                self.requests.append(request)
                answer = self.answer(request)
                if callable(answer):
                    await answer(request, reader, writer)
                    return
                status, more, content = (answer, {}, b"thanks") if isinstance(answer, int) else answer
                extra = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                writer.write(
                    f"HTTP/1.1 {status} Status\r\nContent-Length: {len(content)}\r\n{extra}\r\n".encode() + content
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def receiving(answer: Callable[[Received], Answer] = lambda _: 200) -> AsyncIterator[Receiver]:
    """Run a receiver during the block."""
    receiver = Receiver(answer)
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


# Bad behaviour


async def hang(_: Received, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()


async def drip(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the head a byte at a time, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def flood(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with gigabytes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000000\r\n\r\n")
    for _number in range(8_000):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


BAD = {"hangs": hang, "drips": drip, "resets": reset, "floods": flood}
