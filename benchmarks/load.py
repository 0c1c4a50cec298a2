"""A load generator: HTTP/1.1 over plain sockets, each request encoded before the clock starts.

It costs some 25 microseconds of CPU a request, on the machine that it measures.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chassis import json


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and with which credential."""

    host: str
    port: int
    headers: str

    def request(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        """A request's bytes."""
        content = b"" if body is None else json.dumps(body)
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{self.headers}{extra}"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


@dataclass(slots=True)
class Outcome:
    """What became of a load."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """A quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def drive(target: Target, requests: Iterator[bytes], seconds: float, connections: int) -> Outcome:
    """Sends requests over so many connections, one after the other on each, until the time is over.

    Raises RuntimeError when one in a hundred is not answered by 2xx: the figure would be of something else.
    """
    outcome = Outcome(0)
    started = time.perf_counter()
    ends = started + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port)
        for request in requests:
            begun = time.perf_counter()
            if begun >= ends:
                break
            status, _ = await exchange(reader, writer, request)
            outcome.latencies.append(time.perf_counter() - begun)
            outcome.refused += not 200 <= status < 300
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    outcome.seconds = time.perf_counter() - started
    if outcome.refused * 100 > len(outcome.latencies):
        raise RuntimeError(f"{outcome.refused} of {len(outcome.latencies)} requests were refused")
    return outcome


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """One request and its answer: the status and the body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    return int(head[9:12]), await reader.readexactly(length)


async def ask(target: Target, requests: Sequence[bytes]) -> list[bytes]:
    """The bodies of a few answers, one after the other. Raises RuntimeError when one is refused."""
    reader, writer = await asyncio.open_connection(target.host, target.port, limit=2**26)
    bodies = []
    for request in requests:
        status, body = await exchange(reader, writer, request)
        if not 200 <= status < 300:
            raise RuntimeError(f"{status}: {body[:500]!r}")
        bodies.append(body)
    writer.close()
    return bodies
