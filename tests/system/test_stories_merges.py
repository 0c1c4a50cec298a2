"""A story of two records of a customer, through the gateway: a merge reaches every service, and so does its undo."""

import asyncio
from typing import Any

from tests.support.facts import a_customer, a_program, a_purchase, a_rule
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import Visitor


async def create(visitor: Visitor, path: str, body: Any) -> dict[str, Any]:
    response = await visitor.request("POST", path, **({} if body is None else {"json": body}))
    assert response.is_success, response.text
    return dict(response.json())


async def read(visitor: Visitor, path: str) -> dict[str, Any]:
    response = await visitor.request("GET", path)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def seen(visitor: Visitor, customer: str) -> tuple[int, int, str]:
    """Return what the services know of a customer: purchases on the timeline, points, and revenue."""
    entries = (await read(visitor, f"/v1/timelines/{customer}"))["items"]
    memberships = (await read(visitor, f"/v1/memberships?customer_id={customer}"))["items"]
    sums = (await read(visitor, f"/v1/analytics/customers/{customer}"))["sums"]
    points = sum(membership["balance"]["available"] for membership in memberships)
    return len(entries), points, sums[0]["revenue"] if sums else "0.00"


async def until_seen(visitor: Visitor, expected: dict[str, tuple[int, int, str]]) -> None:
    """Wait for what the services know of customers. A purchase in the moment of a merge is moved a minute later."""
    await visitor.drained()
    for _ in range(240):
        if (known := {customer: await seen(visitor, customer) for customer in expected}) == expected:
            return
        await asyncio.sleep(0.5)
    assert known == expected


async def test_a_merge_reaches_every_service_and_so_does_its_undo(visitor: Visitor) -> None:
    program = await create(visitor, "/v1/programs", a_program())
    await create(visitor, f"/v1/programs/{program['id']}/earning-rules", a_rule())
    ada, copy = [(await create(visitor, "/v1/customers", a_customer()))["id"] for _ in range(2)]
    lines = [{"sku": "tea", "quantity": "1", "amount": "20.00"}]
    for customer in (ada, copy):
        await create(visitor, "/v1/purchases", a_purchase(customer, lines=lines))
    merge = await create(visitor, f"/v1/customers/{ada}/merge", {"merged_id": copy})
    await create(visitor, "/v1/purchases", a_purchase(copy, lines=lines))  # while the merge is on its way
    await until_seen(visitor, dict.fromkeys((ada, copy), (3, 60, "60.00")))
    assert (await read(visitor, f"/v1/customers/{copy}"))["id"] == ada
    await create(visitor, f"/v1/merges/{merge['id']}/undo", None)
    await until_seen(visitor, {ada: (1, 20, "20.00"), copy: (2, 40, "40.00")})
    assert (await read(visitor, "/v1/ledger/verify"))["differences"] == []


async def search_by_itself(visitor: Visitor) -> None:
    """Wait for a search without a request. A worker runs its periodic tasks also for a tenant that has changed."""
    (tenant,) = (await read(visitor, "/v1/tenants"))["items"]
    changed = await visitor.request("PATCH", f"/v1/tenants/{tenant['id']}", json={"name": "Changed"})
    assert changed.status_code == 200, changed.text
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            search, *_ = (await read(visitor, "/v1/duplicate-searches"))["items"]
            if search["actor"] == "chore:duplicates" and search["finished_at"] is not None:
                return
            await asyncio.sleep(0.1)


async def test_a_duplicate_is_found_merged_and_found_again_after_the_undo(visitor: Visitor) -> None:
    ana = {"kind": "person", "given_name": "Ana", "family_name": "Souza", "phones": [{"number": "+5531988888888"}]}
    first = await create(visitor, "/v1/customers", ana)
    again = ana | {"phones": [{"number": "+553188888888"}]}
    refusal = await visitor.request("POST", "/v1/customers", json=again)
    assert (refusal.status_code, refusal.json()["candidates"][0]["customer_id"]) == (409, first["id"])
    second = await create(visitor, "/v1/customers", again | {"allow_duplicate": True})
    search = await create(visitor, "/v1/duplicate-searches", None)
    while search["finished_at"] is None:
        await asyncio.sleep(0.1)
        search = await read(visitor, f"/v1/duplicate-searches/{search['id']}")
    assert (search["state"], search["compared"], search["found"]) == ("succeeded", 2, 1)
    (pair,) = (await read(visitor, "/v1/duplicates?state=open"))["items"]
    third = await create(visitor, "/v1/customers", again | {"allow_duplicate": True})
    await search_by_itself(visitor)
    await visitor.drained()
    events = (await read(visitor, "/v1/events?types=customers.duplicate_found.v1"))["items"]
    published = sorted((event["data"]["customer_id"], event["data"]["other_customer_id"]) for event in events)
    assert published == [(first["id"], second["id"]), (first["id"], third["id"]), (second["id"], third["id"])]
    merge = await create(visitor, f"/v1/customers/{pair['first_id']}/merge", {"merged_id": second["id"]})
    assert (await read(visitor, f"/v1/duplicates/{pair['id']}"))["state"] == "merged"
    await create(visitor, f"/v1/merges/{merge['id']}/undo", None)
    assert (await read(visitor, f"/v1/duplicates/{pair['id']}"))["state"] == "open"
