"""The story of an order: its steps arrive in any order, its customer follows it, and a part of it is exchanged."""

import asyncio

from tests.support.facts import a_customer, a_purchase
from tests.support.interactions import a_status, an_exchange
from tests.support.records import made
from tests.support.stack import Visitor

RECORDED_SECONDS = 60
"""Waiting steps are recorded within half a minute of their purchase."""


async def reaches(visitor: Visitor, path: str, status: str) -> bool:
    """Return whether an order reaches a status in time."""
    for _ in range(RECORDED_SECONDS):
        if (await visitor.request("GET", path)).json()["status"] == status:
            return True
        await asyncio.sleep(1)
    return False


async def test_an_order_is_followed_delivered_and_exchanged(visitor: Visitor) -> None:
    # given an order whose delivery is reported before the order itself
    customer = (await made(visitor, "/v1/customers", a_customer()))["id"]
    delivered = a_status("delivered", changed_at="2026-03-04T10:00:00Z")
    delivered |= {"purchase": {"source": "shop", "source_id": "W-1"}}
    assert (await made(visitor, "/v1/purchase-status-changes", delivered))["state"] == "waiting"
    order = await made(visitor, "/v1/purchases", a_purchase(customer, source="shop", source_id="W-1"))
    path = f"/v1/purchases/{order['id']}"

    # when a later report of an earlier step arrives, and a part is exchanged
    await made(visitor, f"{path}/status-changes", a_status("shipped", changed_at="2026-03-03T10:00:00Z"))
    exchange = await made(visitor, f"{path}/exchanges", an_exchange())

    # then the latest step counts as soon as the worker has recorded what waited, and both sides are recorded
    assert await reaches(visitor, path, "delivered")
    assert exchange["difference"]["amount"] == "2.00"
    await visitor.drained()
    bought = (await visitor.request("GET", f"/v1/shopping-histories/{customer}")).json()["totals"][0]
    assert (bought["purchases"], bought["net"]["amount"]) == (2, "7.00")
