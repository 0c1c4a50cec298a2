"""A gateway process of its own, with other settings than the stack's, in front of a server that records requests."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from chassis.types import json
from local import SERVICES
from local.data_dir import DataDir, free_port
from tests.support.guard import Guard
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RAPPORT

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Recorded:
    """A request as a service would receive it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Recorder:
    """A server in the place of all services. It records every complete request, except the gateway's own readings."""

    port: int = 0
    requests: list[Recorded] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                if "/internal/" not in request.line:
                    self.requests.append(request)
                writer.write(ANSWER)
        writer.close()

    def taken(self) -> list[Recorded]:
        """Return the requests since the last call."""
        taken, self.requests = self.requests, []
        return taken


async def _read(reader: asyncio.StreamReader) -> Recorded:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    body = b""
    if "transfer-encoding" in headers:
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Recorded(line, headers, body)


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """Run a recorder on a free port."""
    recorder = Recorder()
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, limit=1_000_000)
    recorder.port = server.sockets[0].getsockname()[1]
    try:
        yield recorder
    finally:
        server.close()


class Gateway:
    """A `rapport serve gateway` process without Kafka. `settings` override those of the data folder."""

    def __init__(self, data_dir: DataDir, upstream: int, **settings: str) -> None:
        self.port = free_port(set())
        self._log = data_dir.log(f"gateway-{self.port}")
        upstreams = json.dumps_str({name: f"http://127.0.0.1:{upstream}" for name in SERVICES})
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [RAPPORT, "serve", "gateway", "--role", "api", "--port", str(self.port)],
                env={**os.environ, "RAPPORT_DATA": str(data_dir.root), "UPSTREAMS": upstreams, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = Guard(self._process.pid)

    @property
    def url(self) -> str:
        """The URL of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """Return the log of the process."""
        return self._log.read_text()

    async def line_with(self, text: str) -> dict[str, Any]:
        """Wait for a line of the log with this text, and return it."""
        async with asyncio.timeout(5):
            while not (lines := [line for line in self.said().splitlines() if text in line]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        (line,) = lines
        return dict(json.loads(line))

    async def ready(self) -> None:
        """Wait until the process serves requests."""
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False, verify=False) as client:
            while True:
                assert self._process.poll() is None, self.said()
                with suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop the process."""
        self._process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self._process.wait, 30)
        self._guard.dismiss()


@asynccontextmanager
async def gateway_at(data_dir: DataDir, upstream: int, **settings: str) -> AsyncIterator[Gateway]:
    """Run a gateway process while the block runs."""
    gateway = Gateway(data_dir, upstream, **settings)
    try:
        await gateway.ready()
        yield gateway
    finally:
        await gateway.stop()
