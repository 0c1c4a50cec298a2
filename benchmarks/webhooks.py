"""Webhooks: deliveries per second of a gateway on a single core, with receivers that hang, drip, reset or flood.

Every event goes to fifty endpoints. The receivers run in this process. The gateway is bound to a core of its own, and
does all of its work on it: it consumes the events, keeps the feed, plans, sends and records.
"""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, cast

import asyncpg

from benchmarks.bars import Bar, at_most
from benchmarks.load import ask
from benchmarks.processes import cpu_of
from benchmarks.report import table
from benchmarks.stand import Stand, say
from chassis.types import json

ENDPOINTS = 50
BAD = 5
EVENTS = 200
"""Events of a burst. Each is delivered to every endpoint."""
RATE = 25
"""Events per second of the steady load: 1,125 deliveries per second to healthy endpoints."""
STEADY_SECONDS = 12.0
WAIT_SECONDS = 120.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BARS = [
    Bar("deliveries per second on a core, 5 of 50 endpoints hanging", 1_000, "/s"),
    at_most(f"latency of healthy endpoints meanwhile at {RATE * (ENDPOINTS - BAD):,}/s, p99", 500, "ms"),
    at_most("throughput lost to 5 of 50 endpoints that hang", 10, "%"),
    at_most("throughput lost to 5 of 50 endpoints that drip", 10, "%"),
    at_most("throughput lost to 5 of 50 endpoints that reset", 10, "%"),
    at_most("throughput lost to 5 of 50 endpoints that flood", 10, "%"),
]


@dataclass
class Receivers:
    """The receivers of all endpoints. Those with a low number behave badly."""

    kind: str = ""
    """How the first endpoints behave: hang, drip, reset, flood, or well if it is empty."""
    arrived: list[float] = field(default_factory=list)
    """When deliveries to the other endpoints arrived."""
    latencies: list[float] = field(default_factory=list)
    """Their seconds since the event."""

    async def healthy(self, count: int) -> None:
        """Wait until so many deliveries to healthy endpoints have arrived. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.arrived) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    def clear(self) -> None:
        """Discard the deliveries that have arrived."""
        self.arrived.clear()
        self.latencies.clear()


class _Receiver(asyncio.Protocol):
    """A connection of a receiver."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            at = self._received.lower().index(b"content-length:", 0, end) + 15
            length = int(self._received[at : self._received.index(b"\r", at)])
            if len(self._received) < end + 4 + length:
                return
            head, body = bytes(self._received[:end]), bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            self._answer(int(head[6 : head.index(b" ", 6)]), body)

    def _answer(self, number: int, body: bytes) -> None:
        if number < BAD and self._receivers.kind:
            getattr(self, f"_{self._receivers.kind}")()
            return
        now = time.time()
        if number >= BAD:
            self._receivers.arrived.append(now)
            self._receivers.latencies.append(now - datetime.fromisoformat(json.loads(body)["time"]).timestamp())
        self._transport.write(OK)

    def _hang(self) -> None:
        pass

    def _drip(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"H")
            asyncio.get_running_loop().call_later(0.1, self._drip)

    def _reset(self) -> None:
        sock: Any = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _flood(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000000\r\n\r\n" + b"x" * 4_000_000)


async def measure(stand: Stand) -> str:
    """Return the section of the page."""
    core = max(os.sched_getaffinity(0))
    gateway = int(stand.data_dir.pid_file("gateway").read_text().split()[0])
    for thread in os.listdir(f"/proc/{gateway}/task"):
        os.sched_setaffinity(int(thread), {core})
    receivers = Receivers()
    server = await asyncio.get_running_loop().create_server(lambda: _Receiver(receivers), "127.0.0.1", 0, backlog=512)
    await _register(stand, server.sockets[0].getsockname()[1])
    await _burst(stand, receivers)  # connections, plans and caches are new before
    rates = {kind: await _rates(stand, receivers, kind) for kind in ("hang", "drip", "reset", "flood")}
    receivers.kind = "hang"
    latencies = await _steady(stand, receivers)
    server.close()
    return _report(rates, latencies)


async def _register(stand: Stand, port: int) -> None:
    bodies = [
        {"url": f"http://127.0.0.1:{port}/{number:03}", "event_types": ["customers.customer_created.v1"]}
        for number in range(ENDPOINTS)
    ]
    await ask(stand.gateway, [stand.gateway.request("POST", "/v1/webhook-endpoints", body) for body in bodies])


@dataclass(frozen=True)
class Rates:
    """Deliveries per second to the healthy endpoints, without and with bad ones, and the gateway's CPU of each."""

    without: float
    rate: float
    cpu_us: float

    @property
    def lost_percent(self) -> float:
        """The share of the throughput that the bad endpoints cost."""
        return 100 * (1 - self.rate / self.without)


async def _rates(stand: Stand, receivers: Receivers, kind: str) -> Rates:
    """Measure bursts, alternately without and with bad endpoints."""
    without, rates, cpu = [], [], []
    for _ in range(stand.sizes.rounds):
        receivers.kind = ""
        await _rested(stand)
        without.append((await _burst(stand, receivers))[0])
        receivers.kind = kind
        rate, used = await _burst(stand, receivers)
        rates.append(rate)
        cpu.append(used)
    measured = Rates(median(without), median(rates), median(cpu))
    say(f"{kind}: {measured.rate:,.0f} deliveries per second instead of {measured.without:,.0f}")
    return measured


async def _rested(stand: Stand) -> None:
    """Let failed endpoints receive requests again, and delete their pending deliveries."""
    connection = await asyncpg.connect(stand.database("gateway"))
    try:
        await connection.execute("update delivery set state = 'failed', due_at = null where state = 'pending'")
        await connection.execute("update webhook_lane set failures = 0, paused_until = null where leased_by is null")
    finally:
        await connection.close()


async def _burst(stand: Stand, receivers: Receivers) -> tuple[float, float]:
    """Return the deliveries per second of many events at once, and the gateway's CPU of each in microseconds.

    The rate is that from the first arrival to the last.
    """
    receivers.clear()
    with cpu_of(stand.data_dir) as used:
        await _create(stand, EVENTS)
        await receivers.healthy(EVENTS * (ENDPOINTS - BAD))
    arrived = sorted(receivers.arrived)
    rate = len(arrived) / (arrived[-1] - arrived[0])
    return rate, 1e6 * used["gateway"] / len(arrived)


async def _steady(stand: Stand, receivers: Receivers) -> Sequence[float]:
    """Return the latencies in milliseconds of a steady load, from the event to its arrival."""
    receivers.clear()
    started, events = time.perf_counter(), 0
    while (now := time.perf_counter() - started) < STEADY_SECONDS:
        if events < now * RATE:
            await _create(stand, 1)
            events += 1
        await asyncio.sleep(0.002)
    await receivers.healthy(events * (ENDPOINTS - BAD))
    return sorted(1000 * latency for latency in receivers.latencies)


async def _create(stand: Stand, count: int) -> None:
    items = [{"kind": "person", "given_name": "Ada"}] * count
    await ask(stand.gateway, [stand.gateway.request("POST", "/v1/customers/batch", {"items": items})])


def _report(rates: dict[str, Rates], latencies: Sequence[float]) -> str:
    rows = [
        [f"5 of {ENDPOINTS} endpoints {kind}", f"{each.rate:,.0f} /s", f"{each.without:,.0f} /s", f"{each.cpu_us:,.0f}"]
        for kind, each in rates.items()
    ]
    text = table(["deliveries to the healthy endpoints", "rate", "without bad endpoints", "gateway's CPU, us"], rows)
    p50, p99 = (latencies[int(share * len(latencies))] for share in (0.5, 0.99))
    steady = (
        f"At {RATE * (ENDPOINTS - BAD):,} deliveries per second, from the change to the receiver, while {BAD} endpoints"
        f" hang: p50 {p50:.0f} ms, p99 {p99:.0f} ms."
    )
    figures = [rates["hang"].rate, p99, *(rates[kind].lost_percent for kind in ("hang", "drip", "reset", "flood"))]
    verdicts = table(
        ["bar", "limit", "figure", "", "a bare trial of this architecture"],
        [bar.row(figure) for bar, figure in zip(BARS, figures, strict=True)],
    )
    return "\n\n".join([text, steady, verdicts])
