"""A load generator: HTTP/1.1 over plain sockets, without a task or a stream per connection.

It runs on the machine that it measures. The table therefore reports its CPU beside that of the measured processes.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

from chassis.types import json


@dataclass(frozen=True, slots=True)
class Target:
    """The host and port of requests, and their credential."""

    host: str
    port: int
    headers: str

    def request(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        """Return the bytes of a request. A body of bytes is a file."""
        type = "octet-stream" if isinstance(body, bytes) else "json"
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body)
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{self.headers}{extra}"
            f"Content-Type: application/{type}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


@dataclass(slots=True)
class Outcome:
    """The result of a load."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    cpu_seconds: float = 0
    """CPU of the load generator itself."""

    @property
    def rate(self) -> float:
        """Return the number of responses per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def drive(target: Target, requests: Iterator[bytes], seconds: float, connections: int) -> Outcome:
    """Send requests for a number of seconds over several connections, one at a time on each.

    Raises RuntimeError if more than 1 % of the responses are not 2xx, because the figure would measure errors.
    """
    outcome = Outcome(0)
    loop = asyncio.get_running_loop()
    used, started = time.process_time(), time.perf_counter()
    ended = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(requests, outcome, started + seconds), target.host, target.port
        )
        ended.append(client.ended)
    await asyncio.gather(*ended)
    outcome.seconds = time.perf_counter() - started
    outcome.cpu_seconds = time.process_time() - used
    if outcome.refused * 100 > len(outcome.latencies):
        raise RuntimeError(f"{outcome.refused} of {len(outcome.latencies)} requests failed")
    return outcome


class _Client(asyncio.Protocol):
    """A connection that sends the next request as soon as a response is complete."""

    def __init__(self, requests: Iterator[bytes], outcome: Outcome, ends: float) -> None:
        self._requests, self._outcome, self._ends = requests, outcome, ends
        self._answer = bytearray()
        self._length = 0
        """Bytes of the whole response; 0 until its head has arrived."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Append a piece of a response; send the next request when the response is complete."""
        self._answer += data
        if not self._length:
            head = self._answer.find(b"\r\n\r\n") + 4
            if head < 4:
                return
            begin = self._answer.lower().index(b"content-length:", 0, head) + 15
            self._length = head + int(self._answer[begin : self._answer.index(b"\r", begin)])
        if len(self._answer) >= self._length:
            self._outcome.latencies.append(time.perf_counter() - self._begun)
            self._outcome.refused += not self._answer.startswith(b"HTTP/1.1 2")
            self._answer.clear()
            self._length = 0
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the load if the connection closed before its end."""
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed a connection"))

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        request = next(self._requests, None) if self._begun < self._ends else None
        if request is not None:
            self._transport.write(request)
            return
        self.ended.set_result(None)
        self._transport.close()


class Connections:
    """A pool of connections."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    @classmethod
    async def to(cls, target: Target, number: int) -> Self:
        """Open connections to a target."""
        connections = cls()
        for _ in range(number):
            connections._free.put_nowait(await asyncio.open_connection(target.host, target.port))
        return connections

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request over the first free connection; return the status and the body."""
        connection = await self._free.get()
        try:
            return await exchange(*connection, request)
        finally:
            self._free.put_nowait(connection)

    def close(self) -> None:
        """Close the connections."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()


async def at_a_rate(target: Target, requests: Iterator[bytes], rate: int, seconds: float) -> Outcome:
    """Send requests at a steady rate, whether or not earlier ones are answered. Latencies include the wait for a turn.

    Raises RuntimeError if a response is not 2xx.
    """
    outcome = Outcome(seconds)
    connections = await Connections.to(target, 24)

    async def send(request: bytes, due: float) -> None:
        status, body = await connections.send(request)
        if not 200 <= status < 300:
            raise RuntimeError(f"{status}: {body[:300]!r}")
        outcome.latencies.append(time.perf_counter() - due)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(send(next(requests), due))
    connections.close()
    return outcome


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send a request; return the status and the body of the response."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    return int(head[9:12]), await reader.readexactly(length)


async def ask(target: Target, requests: Sequence[bytes]) -> list[bytes]:
    """Send a few requests, one at a time; return the bodies. Raises RuntimeError if a response is not 2xx."""
    reader, writer = await asyncio.open_connection(target.host, target.port, limit=2**26)
    bodies = []
    for request in requests:
        status, body = await exchange(reader, writer, request)
        if not 200 <= status < 300:
            raise RuntimeError(f"{status}: {body[:500]!r}")
        bodies.append(body)
    writer.close()
    return bodies
