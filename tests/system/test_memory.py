"""Memory: bodies that pass through are not kept in memory, neither during the transfer nor afterwards."""

import asyncio
import itertools
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from statistics import linear_regression
from typing import Any

import pytest

from chassis.http.openapi import segments
from chassis.types.ids import uuid7
from local import PROCESSES
from tests.support.facts import a_customer, a_purchase, known_as
from tests.support.memory import CAN_BE_READ, forget_peak, held, peak
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points

pytestmark = pytest.mark.skipif(not CAN_BE_READ, reason="the kernel does not tell here what a process holds")

MEGABYTE = 1_000_000
A_BODYS_GROWTH = 3 * MEGABYTE
"""Maximum bytes for a body of any size: some buffers of 64 KB, and the rounding of the allocator."""


async def test_a_large_body_streams_through_the_gateway(stack: RunningStack, visitor: Visitor) -> None:
    async def send() -> None:
        answer = await visitor.request("POST", "/v1/customers/batch", json=ten_megabytes())
        assert answer.status_code == 200, answer.text

    assert await growth(stack.pid("gateway"), send) < A_BODYS_GROWTH


async def test_a_large_answer_streams_through_the_gateway_to_a_reader_who_lingers(
    stack: RunningStack, visitor: Visitor
) -> None:
    assert (await visitor.request("POST", "/v1/customers/batch", json=ten_megabytes())).status_code == 200

    async def read() -> None:
        assert await a_lingering_read(visitor, "/v1/customers?limit=200") > 3 * MEGABYTE

    assert await growth(stack.pid("gateway"), read) < A_BODYS_GROWTH


def ten_megabytes() -> dict[str, Any]:
    """Return a batch of two hundred customers with a long note each."""
    return {"items": [a_customer(**known_as(str(uuid7())), custom={"note": "x" * 50_000}) for _ in range(200)]}


async def growth(pid: int, act: Callable[[], Awaitable[None]]) -> int:
    """Return the bytes by which a process grows at most during an action. A first run warms up."""
    await act()
    before = forget_peak(pid)
    await act()
    grown = peak(pid) - before
    print(f"grown by {grown / 1024:,.0f} KiB")
    return grown


async def a_lingering_read(visitor: Visitor, path: str) -> int:
    """Read a response after a pause of a second, and return its size."""
    small = socket.create_connection(("127.0.0.1", visitor.stack.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    reader, writer = await asyncio.open_connection(sock=small)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor.key}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    await asyncio.sleep(1)
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    return len(body)


# Soak test

SECONDS = float(os.environ.get("RAPPORT_SOAK_SECONDS", "200"))
WARM_UP = 0.3
"""The share of the run in which connections, caches and the allocator's arenas fill."""
RATE, WRITERS, CUSTOMERS = 120, 8, 200
A_REQUESTS_GROWTH = 512
"""Bytes per request: half of a leak of 1 KB per request.

Some caches fill for longer than the warm-up. Pydantic caches 16,384 short strings, 1.3 MB in total, which is some 200
bytes per request at first.
"""
LARGE = {"lines": [{"sku": "tea", "quantity": "1", "amount": "5000.00"}]}
Asked = tuple[str, str, dict[str, Any]]
Sample = tuple[int, int]
"""Requests served so far, bytes of memory in use."""


@pytest.mark.nightly
@pytest.mark.timeout(SECONDS + 300)
async def test_no_process_grows_by_the_requests_that_it_has_served(stack: RunningStack, visitor: Visitor) -> None:
    await a_program_with_points(visitor)
    regulars = [str(uuid7()) for _ in range(CUSTOMERS)]
    items = [a_purchase(customer, **LARGE) for customer in regulars]
    assert (await visitor.request("POST", "/v1/purchases/batch", json={"items": items})).status_code == 200
    await visitor.drained()
    members = (await visitor.request("GET", f"/v1/memberships?limit={CUSTOMERS}")).json()["items"]
    served: Counter[str] = Counter()
    load = asyncio.create_task(a_mixed_load(visitor, mixed(regulars, [one["id"] for one in members]), served))
    samples = await watched(stack, served, load)
    await load
    slopes = {name: slope(samples[name]) for name in PROCESSES}
    for name, found in slopes.items():
        last = samples[name][-1]
        print(f"{name}: {found:,.0f} bytes a request; {last[0]:,} requests, {last[1] / 2**20:,.1f} MiB at the end")
    assert {name: round(found) for name, found in slopes.items() if found > A_REQUESTS_GROWTH} == {}


def mixed(customers: list[str], members: list[str]) -> Iterator[Asked]:
    """Iterate endlessly over requests of every kind: method, path and options."""
    for number, customer, member in zip(
        itertools.count(), itertools.cycle(customers), itertools.cycle(members), strict=False
    ):
        touch_point = {
            "customer_id": customer,
            "source": "phone",
            "source_id": f"soak-{number}",
            "channel": "phone",
            "direction": "inbound",
            "occurred_at": "2026-03-01T10:00:00Z",
        }
        key = {"idempotency-key": f"soak-{number}"}
        some = [a_purchase(customers[(number * 5 + one) % len(customers)]) for one in range(5)]
        yield "POST", "/v1/customers", {"json": a_customer(**known_as(f"soak-{number}")), "headers": key}
        yield "GET", f"/v1/customers?external_id=till:soak-{number}", {}
        yield "GET", "/v1/customers?limit=50", {}
        yield "POST", "/v1/purchases", {"json": a_purchase(customer)}
        yield "POST", "/v1/purchases/batch", {"json": {"items": some}}
        yield "POST", "/v1/touch-points", {"json": touch_point}
        yield "GET", f"/v1/timelines/{customer}", {}
        redemption = {"points": 1, "mode": "capture"}
        yield "POST", f"/v1/memberships/{member}/redemptions", {"json": redemption, "headers": key}
        yield "GET", f"/v1/memberships/{member}/balance", {}
        yield "GET", f"/v1/memberships/{member}/entries", {}
        yield "GET", f"/v1/analytics/customers/{customer}", {}
        yield "GET", "/v1/analytics/pareto?currency=EUR", {}
        yield "GET", f"/v1/analytics/customers/{customer}", {}


async def a_mixed_load(visitor: Visitor, requests: Iterator[Asked], served: Counter[str]) -> None:
    """Send requests at a constant rate until the time is over, and count them per process."""
    started = time.monotonic()
    owners = segments((await visitor.request("GET", "/openapi.json")).json())
    due = itertools.count()

    async def write() -> None:
        while (now := time.monotonic()) < started + SECONDS:
            await asyncio.sleep(max(0.0, started + next(due) / RATE - now))
            method, path, options = next(requests)
            answer = await visitor.request(method, path, **options)
            assert answer.status_code < 300, f"{method} {path}: {answer.text}"
            served.update((owners[path.split("/")[2].partition("?")[0]], "gateway"))

    await asyncio.gather(*(write() for _ in range(WRITERS)))


async def watched(stack: RunningStack, served: Counter[str], load: "asyncio.Task[None]") -> dict[str, list[Sample]]:
    """Return a sample of each process per second after the warm-up."""
    samples: dict[str, list[Sample]] = {name: [] for name in PROCESSES}
    await asyncio.wait([load], timeout=SECONDS * WARM_UP)
    while not load.done():
        for name in PROCESSES:
            samples[name].append((served[name], held(stack.pid(name))))
        await asyncio.wait([load], timeout=1)
    return samples


def slope(samples: list[Sample]) -> float:
    """Return the growth in bytes per request, by least squares."""
    return linear_regression(*zip(*samples, strict=True)).slope
