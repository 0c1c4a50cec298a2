"""Requests and queries for the tests of loyalty, as a client sends them."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx

from chassis.types.ids import uuid7
from services.loyalty.points import tables
from tests.support.facts import a_program, a_rule, purchase_recorded
from tests.support.service import ServiceUnderTest

Result = TypeVar("Result")


async def a_running_program(loyalty: ServiceUnderTest, *rules: dict[str, Any], **fields: Any) -> str:
    """Create a program with these rules, without its events, and return its id.

    The default rule is a point for each euro.
    """
    program = (await loyalty.post("/v1/programs", a_program(**fields))).json()
    for rule in rules or (a_rule(),):
        response = await loyalty.post(f"/v1/programs/{program['id']}/earning-rules", rule)
        assert response.status_code == 201, response.text
    await loyalty.published()
    return str(program["id"])


async def a_member(loyalty: ServiceUnderTest, *amounts: str) -> tuple[UUID, str]:
    """Create a program and a customer with purchases of these amounts. Return the customer's id and membership path."""
    await a_running_program(loyalty)
    customer = uuid7()
    await loyalty.deliver([purchase_recorded(amount, customer) for amount in amounts])
    await loyalty.published()
    return customer, await membership_path(loyalty, customer)


async def on(loyalty: ServiceUnderTest, day: str) -> ServiceUnderTest:
    """Return the service for the same tenant at noon of another day, by its sandbox clock."""
    clock_at = datetime.fromisoformat(f"{day}T12:00:00Z")
    other = loyalty.for_tenant(loyalty.tenant.model_copy(update={"clock_at": clock_at}))
    await other.announce()
    return other


async def membership_of(loyalty: ServiceUnderTest, customer_id: UUID | str) -> dict[str, Any] | None:
    """Return a customer's first membership, or None."""
    items = (await loyalty.get("/v1/memberships", customer_id=str(customer_id))).json()["items"]
    return items[0] if items else None


async def membership_path(loyalty: ServiceUnderTest, customer_id: UUID | str) -> str:
    """Return the path of a customer's first membership."""
    membership = await membership_of(loyalty, customer_id)
    assert membership is not None
    return f"/v1/memberships/{membership['id']}"


async def points_of(loyalty: ServiceUnderTest, customer_id: UUID | str) -> int:
    """Return the points that a customer can spend."""
    path = await membership_path(loyalty, customer_id)
    return int((await loyalty.get(f"{path}/balance")).json()["available"])


async def buckets(loyalty: ServiceUnderTest, path: str) -> tuple[int, int, int]:
    """Return a member's available and reserved points and the debt."""
    balance = (await loyalty.get(f"{path}/balance")).json()
    return balance["available"], balance["reserved"], balance["debt"]


async def redeem(
    loyalty: ServiceUnderTest, path: str, points: int, mode: str = "reserve", **fields: Any
) -> httpx.Response:
    """Request a redemption for a member."""
    body = {"points": points, "mode": mode, **fields}
    return await loyalty.post(f"{path}/redemptions", body, idempotency_key=str(uuid7()))


async def act(loyalty: ServiceUnderTest, redemption: httpx.Response, verb: str) -> httpx.Response:
    """Capture or release a redemption."""
    path = f"/v1/redemptions/{redemption.json()['id']}/{verb}"
    return await loyalty.request("POST", path, headers={"idempotency-key": str(uuid7())})


async def overlapping(
    loyalty: ServiceUnderTest, path: str, operations: Iterable[Coroutine[Any, Any, Result]]
) -> list[Result]:
    """Return the results of operations that all begin before any of them can lock the member's wallet."""
    async with loyalty.work() as work:
        await work.get(tables.Wallet, UUID(path.rpartition("/")[2]), for_update=True)
        tasks = [asyncio.create_task(operation) for operation in operations]
        await asyncio.sleep(0.3)  # an operation that does not lock the wallet reads it now
    return await asyncio.gather(*tasks)


async def open_connections(loyalty: ServiceUnderTest) -> None:
    """Open every connection of the pool, because requests that wait for a connection do not run in parallel."""
    pool = loyalty.shared.running.pool
    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        await pool.release(connection)


def refunded(amount: str, purchase_id: UUID, customer: UUID, **envelope: Any) -> dict[str, Any]:
    """Return a refund, as interactions publishes it."""
    data = {
        "refund_id": str(uuid7()),
        "purchase_id": str(purchase_id),
        "customer_id": str(customer),
        "refunded_at": "2026-03-05T10:00:00Z",
        "amount": {"amount": amount, "currency": "EUR"},
    }
    return {"type": "interactions.purchase_refunded.v1", "key": customer, "data": data, **envelope}


async def is_sound(loyalty: ServiceUnderTest) -> bool:
    """Return whether every wallet is the sum of its entries, and of its lots and holds."""
    return bool((await loyalty.get("/v1/ledger/verify")).json()["differences"] == [])
