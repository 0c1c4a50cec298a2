"""Attacks by connections: they stay open while the server permits it, and are opened again afterwards."""

import asyncio
import itertools
import time

from tests.attacks.attacker import PAUSE_SECONDS, Attack, descriptors_of, together
from tests.support.facts import a_customer, known_as

DRIP_SECONDS = 2.0


class SlowBodies(Attack):
    """300 requests announce a body, send a byte of it, and wait."""

    FRAMINGS = ("Content-Length: 65537", "Transfer-Encoding: chunked")
    PATHS = ("/v1/customers",) * 5 + ("/v1/api-keys",)
    """Most of them at one service, some at the gateway itself."""

    async def run(self) -> None:
        """Hold the requests open."""
        kinds = itertools.islice(itertools.cycle(itertools.product(self.PATHS, self.FRAMINGS)), 360)
        await together(*(self._hold(path, framing) for path, framing in kinds))

    async def _hold(self, path: str, framing: str) -> None:
        first = "1\r\n{\r\n" if "chunked" in framing else "{"
        head = self.attacker.head(f"POST {path} HTTP/1.1", "Content-Type: application/json", framing)
        await held(self, head + f"\r\n{first}".encode())


class SlowHeads(Attack):
    """More heads than the gateway has descriptors are begun and not ended; some get a byte from time to time."""

    MORE, DRIPPING = 1_000, 100
    PATIENCE_SECONDS = 40
    processes = 2  # one may not open as many connections as the gateway

    async def arm(self) -> None:
        """Open the connections, as many as the server permits."""
        limit = descriptors_of(self.attacker.stack.pid("gateway"))
        number = (limit + self.MORE) // 2
        head = self.attacker.head("GET /v1/customers HTTP/1.1")
        dripping = (held(self, head + b"X-Slow: ", b"a") for _ in range(self.DRIPPING))
        still = (held(self, head) for _ in range(number - self.DRIPPING))
        self._holding = asyncio.ensure_future(together(*dripping, *still))
        deadline = time.monotonic() + self.PATIENCE_SECONDS
        while self.attacker.outcomes["opened"] < number and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def run(self) -> None:
        """Hold the connections open."""
        await self._holding


class SlowReaders(Attack):
    """300 clients ask for an answer of a megabyte, and hardly read it."""

    BUFFER = 4_096

    async def prepare(self) -> None:
        """Store two hundred customers of 5 KB."""
        note = {"custom": {"note": "x" * 5_000}}
        items = [a_customer(**known_as(f"slow-{number}"), **note) for number in range(200)]
        status, answer = await self.attacker.insist("POST", "/v1/customers/batch", {"items": items})
        assert status == 200, answer
        await self.attacker.drained()

    async def run(self) -> None:
        """Read half a kilobyte at a time."""
        await together(*(self._read() for _ in range(300)))

    async def _read(self) -> None:
        head = self.attacker.head("GET /v1/customers?limit=200 HTTP/1.1") + b"\r\n"
        while True:
            try:
                async with self.attacker.connected(self.BUFFER) as (reader, writer):
                    writer.write(head)
                    self.attacker.outcomes["opened"] += 1
                    while await reader.read(512):  # noqa: ASYNC110
                        await asyncio.sleep(DRIP_SECONDS)
            except OSError as error:
                self.attacker.outcomes[type(error).__name__] += 1
            await asyncio.sleep(PAUSE_SECONDS)


async def held(attack: Attack, first: bytes, drip: bytes = b"") -> None:
    """Open a connection, send its first bytes, and wait; when the server ends it, begin again."""
    outcomes = attack.attacker.outcomes
    while True:
        try:
            async with attack.attacker.connected() as (reader, writer):
                writer.write(first)
                outcomes["opened"] += 1
                outcomes[await _ended(reader, writer, drip)] += 1
        except OSError as error:
            outcomes[type(error).__name__] += 1
        await asyncio.sleep(PAUSE_SECONDS)


async def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes) -> str:
    """Return how the server ended a connection: by a status, or without a word."""
    while True:
        try:
            async with asyncio.timeout(DRIP_SECONDS if drip else None):
                answer = await reader.read(1_024)
        except TimeoutError:
            writer.write(drip)
            continue
        return answer[9:12].decode("latin-1") if answer else "closed"
