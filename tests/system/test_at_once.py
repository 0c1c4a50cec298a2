"""Concurrent requests: a key takes effect once, a version has a single winner, and no point is spent twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.types import json
from chassis.types.ids import uuid7
from local.generated import ROOT
from tests.auditor.audit import records_of
from tests.support.facts import a_purchase
from tests.support.operations import Operation, operations
from tests.support.patience import PATIENCE_SECONDS
from tests.support.records import RECORDS
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points

IN_FLIGHT = "idempotency_key_in_flight"
CHANGED_FIELDS = {
    "customers": "area",
    "custom-fields": "label",
    "relations": "role",
    "assets": "serial_number",
    "deals": "competitor",
    "leads": "note",
    "quotes": "note",
    "webhook-endpoints": "description",
    "order-statuses": "label",
    "cases": "subject",
    "conduct-incidents": "description",
    "promises": "owner_id",
    "suggestions": "title",
    "articles": "title",
    "tasks": "title",
}
"""A field of each kind of record that a PATCH may change to any text. Default: `name`."""
CHANGES: dict[str, list[dict[str, Any]]] = {
    "consent-settings": [{"quiet_hours": {"starts": "21:00", "ends": end}} for end in ("07:00", "08:00")],
    "case-settings": [{"reopen_days": days} for days in (3, 5)],
    "campaign-settings": [{"window_days": days} for days in (3, 5)],
    "survey-settings": [{"quarantine_days": days} for days in (3, 5)],
    "duplicates": [{"state": "not_a_duplicate"}] * 2,
}
"""Two changes of a record that has no such field."""


async def a_member(visitor: Visitor, points: int) -> str:
    """Return the path of a new membership with this number of points."""
    await a_program_with_points(visitor)
    lines = [{"sku": "tea", "quantity": str(points), "unit_price": "1.00"}]
    customer = uuid7()
    await visitor.request("POST", "/v1/purchases", json=a_purchase(customer, lines=lines))
    await visitor.drained()
    (member,) = (await visitor.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
    return f"/v1/memberships/{member['id']}"


async def available(visitor: Visitor, member: str) -> int:
    return int((await visitor.request_until_answered("GET", f"{member}/balance")).json()["available"])


def is_in_flight(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == IN_FLIGHT


async def test_fifty_equal_requests_with_one_key_have_one_effect(stack: RunningStack, visitor: Visitor) -> None:
    member = await a_member(visitor, 1)
    adjust: dict[str, Any] = {"json": {"points": 10, "reason": "sorry"}, "headers": {"idempotency-key": "k"}}
    path = f"{member}/adjustments"
    answers = await asyncio.gather(*(visitor.request("POST", path, **adjust) for _ in range(50)))
    told = [one for one in answers if not is_in_flight(one)]
    assert {(one.status_code, one.content) for one in told} == {(201, told[0].content)}
    again = await visitor.request("POST", path, **adjust)
    assert (again.content, again.headers["idempotency-replayed"]) == (told[0].content, "true")
    assert await available(visitor, member) == 11
    await visitor.drained()
    id = told[0].json()["id"].encode()
    assert len([one for one in await records_of(stack, "rapport.loyalty") if id in one.value]) == 1


def operations_that_take_a_version() -> list[Operation]:
    document = json.loads((ROOT / "contracts" / "openapi.json").read_bytes())
    return [
        operation
        for operation in operations(document)
        if operation.method == "PATCH"
        and any(one["name"].lower() == "if-match" for one in operation.described.get("parameters", []))
    ]


@pytest.mark.generated
@pytest.mark.parametrize("operation", operations_that_take_a_version(), ids=str)
async def test_of_fifty_changes_of_one_version_one_wins(visitor: Visitor, operation: Operation) -> None:
    ids = await RECORDS[operation.described["x-service"]](visitor)
    path = operation.at(ids.get(operation.kind, ""))
    record = (await visitor.request("GET", path)).json()
    field = CHANGED_FIELDS.get(operation.kind, "name")
    bodies = CHANGES.get(operation.kind, [{field: "a"}, {field: "b"}])
    headers = {"if-match": f'"{record["version"]}"'}
    changes = (visitor.request("PATCH", path, json=bodies[number % 2], headers=headers) for number in range(50))
    answers = await asyncio.gather(*changes)
    assert Counter(one.status_code for one in answers) == {200: 1, 412: 49}, answers[0].text
    (won,) = (one.json() for one in answers if one.status_code == 200)
    assert (await visitor.request("GET", path)).json() == won
    assert won["version"] == record["version"] + 1


async def test_parallel_redemptions_never_overspend(visitor: Visitor) -> None:
    member = await a_member(visitor, 37)

    async def redeem() -> int:
        body, key = {"points": 5, "mode": "capture"}, {"idempotency-key": str(uuid7())}
        return (await visitor.request("POST", f"{member}/redemptions", json=body, headers=key)).status_code

    assert Counter(await asyncio.gather(*(redeem() for _ in range(40)))) == {201: 7, 409: 33}
    assert await available(visitor, member) == 2
    assert (await visitor.request("GET", "/v1/ledger/verify")).json()["differences"] == []


async def test_a_key_whose_process_is_killed_in_flight_is_free_again(stack: RunningStack, visitor: Visitor) -> None:
    member = await a_member(visitor, 10)
    redeem = {"json": {"points": 4, "mode": "capture"}, "headers": {"idempotency-key": "k"}}
    path = f"{member}/redemptions"
    async with wallet_locked(stack, member):
        first = asyncio.create_task(visitor.request("POST", path, **redeem))
        await somebody_waits(stack)
        assert is_in_flight(await visitor.request("POST", path, **redeem))
        pid = stack.kill("loyalty")
        assert (await first).status_code in (502, 503)
        await stack.revived("loyalty", pid)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while is_in_flight(answer := await visitor.request_until_answered("POST", path, **redeem)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # until PostgreSQL notices that the client has disconnected
    again = await visitor.request_until_answered("POST", path, **redeem)
    assert (answer.status_code, again.status_code, again.content) == (201, 201, answer.content)
    assert await available(visitor, member) == 6
    rows = await stack.rows("loyalty", "select id from redemption where membership_id = $1", UUID(member[-36:]))
    assert [str(row["id"]) for row in rows] == [answer.json()["id"]]


@asynccontextmanager
async def wallet_locked(stack: RunningStack, member: str) -> AsyncIterator[None]:
    """Lock a member's points against other transactions."""
    async with stack.superuser("loyalty") as connection, connection.transaction():
        await connection.execute("select from wallet where id = $1 for update", UUID(member[-36:]))
        yield


async def somebody_waits(stack: RunningStack) -> None:
    """Return when a transaction waits for the lock of another transaction."""
    async with asyncio.timeout(10):
        while not await stack.rows("loyalty", "select 1 from pg_locks where not granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
