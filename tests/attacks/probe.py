"""The quiet tenant: ordinary requests and purchases at a steady rate, and how long each takes.

A request begins when it is due, whether or not earlier ones have ended, so that a slow response hides no other.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from chassis.types import json
from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_program, a_purchase, a_rule, known_as
from tests.support.stack import RunningStack, Visitor

REQUESTS, PURCHASES = 20, 10
"""Per second."""
CUSTOMERS = 60
LONGEST_SECONDS = 20.0
"""A response or points that take longer count as missing."""
POLL_SECONDS = 0.005
KEPT_SECONDS = 3.0
"""How long an idle connection is kept: for less than the gateway keeps it, which would otherwise close it in use."""


@dataclass
class Delays:
    """Delays in milliseconds."""

    values: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """Return the median."""
        return median(self.values)

    @property
    def p99(self) -> float:
        """Return the 99th percentile."""
        return sorted(self.values)[int(0.99 * len(self.values))]


@dataclass
class Reading:
    """The delays of the quiet tenant over some time, and what it was refused."""

    kinds: dict[str, Delays] = field(default_factory=dict)
    points: Delays = field(default_factory=Delays)
    """From the response to a purchase until its points are committed."""
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> Delays:
        """Return the delays of all requests."""
        return Delays([value for delays in self.kinds.values() for value in delays.values])

    @property
    def slowest(self) -> str:
        """Return the kind of request with the highest p99."""
        return max(self.kinds, key=lambda kind: self.kinds[kind].p99)


class Probe:
    """The quiet tenant. Use it as a context manager; it stores a few customers first."""

    def __init__(self, stack: RunningStack, visitor: Visitor) -> None:
        self._stack = stack
        self._visitor = visitor
        self._numbers = itertools.count()
        self._awaited: dict[UUID, asyncio.Future[float]] = {}

    async def __aenter__(self) -> "Probe":
        await self._fill()
        self._session, self._strangers = self._sessions(
            aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
            aiohttp.TCPConnector(limit=0, force_close=True),
        )
        self._database = await asyncpg.connect(self._stack.admin_url("loyalty"))
        self._watching = asyncio.create_task(self._watch_points())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self._database.close()
        await self._session.close()
        await self._strangers.close()

    def _sessions(self, *connectors: aiohttp.TCPConnector) -> list[aiohttp.ClientSession]:
        headers = {"authorization": f"Bearer {self._visitor.key}"}
        longest = aiohttp.ClientTimeout(total=LONGEST_SECONDS)
        return [
            aiohttp.ClientSession(self._stack.url, connector=one, headers=headers, timeout=longest)
            for one in connectors
        ]

    async def _fill(self) -> None:
        program = await self._insist("POST", "/v1/programs", a_program())
        await self._insist("POST", f"/v1/programs/{program['id']}/earning-rules", a_rule())
        self._customers = []
        for number in range(CUSTOMERS):
            body = a_customer(**known_as(f"quiet-{number}"), emails=[{"address": f"quiet{number}@example.org"}])
            self._customers.append((await self._insist("POST", "/v1/customers", body))["id"])
        items = [a_purchase(customer) for customer in self._customers]
        await self._insist("POST", "/v1/purchases/batch", {"items": items})
        await self._visitor.drained()
        members = await self._insist("GET", f"/v1/memberships?limit={CUSTOMERS}")
        self._members = [member["id"] for member in members["items"]]

    async def _insist(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = await self._visitor.request_until_answered(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def read(self, seconds: float) -> Reading:
        """Work for some seconds and return the delays, when the last response and the last points have arrived."""
        reading = Reading()
        kinds = itertools.cycle(self._kinds())
        async with asyncio.TaskGroup() as group:
            requests = _paced(REQUESTS, seconds, lambda: group.create_task(self._ask(reading, *next(kinds))))
            purchases = _paced(PURCHASES, seconds, lambda: group.create_task(self._buy(reading)))
            await asyncio.gather(requests, purchases)
        return reading

    def _kinds(self) -> list[tuple[str, Callable[[], Awaitable[tuple[int, bytes]]]]]:
        def get(path: str, values: list[Any] | range) -> Callable[[], Awaitable[tuple[int, bytes]]]:
            return lambda: self._request("GET", path.format(values[next(self._numbers) % CUSTOMERS]))

        def connect() -> Awaitable[tuple[int, bytes]]:
            return self._request("GET", f"/v1/customers/{self._customers[0]}", session=self._strangers)

        return [
            ("create", lambda: self._request("POST", "/v1/customers", a_customer(**known_as(str(uuid7()))))),
            ("read", get("/v1/customers/{}", self._customers)),
            ("list", lambda: self._request("GET", "/v1/customers?limit=20")),
            ("e-mail", get("/v1/customers?email=Quiet{}@example.org", range(CUSTOMERS))),
            ("balance", get("/v1/memberships/{}/balance", self._members)),
            ("figures", get("/v1/analytics/customers/{}", self._customers)),
            ("connect", connect),
        ]

    async def _ask(self, reading: Reading, kind: str, send: Callable[[], Awaitable[tuple[int, bytes]]]) -> bool:
        began = time.perf_counter()
        status, answer = await send()
        reading.kinds.setdefault(kind, Delays()).values.append(1000 * (time.perf_counter() - began))
        if not 200 <= status < 300:
            reading.refused[f"{kind}: {status} {_code(answer)}"] += 1
        return 200 <= status < 300

    async def _request(
        self, method: str, path: str, body: Any = None, session: aiohttp.ClientSession | None = None
    ) -> tuple[int, bytes]:
        try:
            async with (session or self._session).request(method, path, json=body) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, type(error).__name__.encode()

    async def _buy(self, reading: Reading) -> None:
        customer = uuid7()
        if not await self._ask(
            reading, "purchase", lambda: self._request("POST", "/v1/purchases", a_purchase(customer))
        ):
            return
        accepted = time.perf_counter()
        self._awaited[customer] = seen = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                at = await seen
        except TimeoutError:
            reading.refused[f"no points after {LONGEST_SECONDS:.0f} s"] += 1
            self._awaited.pop(customer, None)
            at = time.perf_counter()
        reading.points.values.append(max(0.0, 1000 * (at - accepted)))

    async def _watch_points(self) -> None:
        """Ask the database for the points of all awaited customers at once: a request for each would cost more."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._awaited:
                rows = await self._database.fetch(_CREDITED_CUSTOMERS, list(self._awaited))
                now = time.perf_counter()
                for row in rows:
                    seen = self._awaited.pop(row["customer_id"], None)
                    if seen is not None and not seen.done():
                        seen.set_result(now)


async def _paced(rate: int, seconds: float, begin: Callable[[], object]) -> None:
    started = time.perf_counter()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        begin()


def _code(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["code"])
    except (ValueError, KeyError, TypeError):
        return answer[:60].decode("latin-1")


_CREDITED_CUSTOMERS = (
    "select distinct customer_id from membership where customer_id = any($1) and exists (select from points_entry "
    "where points_entry.tenant_id = membership.tenant_id and points_entry.membership_id = membership.id)"
)
