"""The attacking tenant, in the generator's process: its requests, its connections, and the outcomes that it saw."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chassis.types import json
from tests.support.facts import a_program, a_rule
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack

ADDRESS = "127.0.0.2"
"""The attacker's address: a limit per address must not stop the quiet tenant, which has another."""
PAUSE_SECONDS = 0.1
"""The pause after a connection was refused or lost."""
Body = bytes | dict[str, Any] | None


@dataclass
class Attacker:
    """A tenant with a key of all scopes."""

    stack: RunningStack
    key: str
    size: float
    """The share of the attack's full size, of its prepared data and its connections."""
    outcomes: Counter[str] = field(default_factory=Counter)

    async def __aenter__(self) -> "Attacker":
        self._session = aiohttp.ClientSession(
            self.stack.url,
            connector=aiohttp.TCPConnector(limit=0, local_addr=(ADDRESS, 0)),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def sized(self, number: int) -> int:
        """Return a number of the full size as this attack takes it, at least 1."""
        return max(1, round(number * self.size))

    async def request(self, method: str, path: str, body: Body = None, *, key: str = "") -> tuple[int, bytes]:
        """Send a request and count its outcome. Return the status, which is 0 without a response, and the body."""
        content = json.dumps(body) if isinstance(body, dict) else body
        headers = {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"}
        try:
            async with self._session.request(method, path, data=content, headers=headers) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.outcomes[type(error).__name__] += 1
            await asyncio.sleep(PAUSE_SECONDS)
            return 0, b""
        self.outcomes[str(response.status)] += 1
        return response.status, answer

    async def insist(self, method: str, path: str, body: Body = None) -> tuple[int, Any]:
        """Prepare data: repeat a request until it is neither limited nor unavailable."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, answer = await self.request(method, path, body)
            if status not in (0, 429, 502, 503, 504):
                return status, json.loads(answer)
            assert time.monotonic() < deadline, f"{method} {path}: {status} {answer[:300]!r}"
            await asyncio.sleep(0.25)

    async def open_program(self, **fields: Any) -> str:
        """Create a program that buyers join, with a rule of a point for each unit of money, and return its id."""
        program = str((await self.insist("POST", "/v1/programs", a_program(**fields)))[1]["id"])
        await self.insist("POST", f"/v1/programs/{program}/earning-rules", a_rule())
        return program

    async def drained(self) -> None:
        """Wait until the prepared events are applied."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (await self.insist("GET", "/v1/status?drained=true"))[1]["drained"]:
            assert time.monotonic() < deadline, "the prepared events are not applied"
            await asyncio.sleep(0.25)

    @asynccontextmanager
    async def connected(self, buffer: int = 0) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Open a connection, with a receive buffer of this size, and close it without delay."""
        plain = socket.socket()
        try:
            plain.setblocking(False)
            plain.bind((ADDRESS, 0))
            if buffer:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.stack.port))
        except BaseException:
            plain.close()
            raise
        reader, writer = await asyncio.open_connection(sock=plain, limit=buffer or 65_536)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def head(self, line: str, *more: str) -> bytes:
        """Return the head of a request, without the empty line at its end."""
        return "\r\n".join([line, "Host: x", f"Authorization: Bearer {self.key}", *more, ""]).encode()


class Attack:
    """A way to take what other tenants need."""

    seconds_to_build_up = 2.0
    """How long it runs before the reading begins."""
    processes = 1

    def __init__(self, attacker: Attacker) -> None:
        self.attacker = attacker

    async def prepare(self) -> None:
        """Store what the attack needs, before the quiet reading."""

    async def arm(self) -> None:
        """Do what belongs to the attack, but not to the reading."""

    async def run(self) -> None:
        """Attack until it is cancelled."""
        raise NotImplementedError


async def together(*several: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until one fails or all are cancelled."""
    async with asyncio.TaskGroup() as group:
        for one in several:
            group.create_task(one)


async def flood(clients: int, send: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Send requests with several clients, each without a pause."""

    async def client() -> None:
        while True:
            await send()

    await together(*(client() for _ in range(clients)))


def descriptors_of(pid: int) -> int:
    """Return the number of files and connections that a process may open."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as lines:
        return next(int(line.split()[3]) for line in lines if line.startswith("Max open files"))
