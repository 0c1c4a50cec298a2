"""Two of everything: a second gateway with a second replica of each service, on the same databases and Kafka."""

import asyncio
import itertools
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from chassis.types import json
from tests.support.facts import a_customer, a_program, a_purchase, a_rule
from tests.support.receiver import receiving
from tests.support.replica import Replica
from tests.support.stack import RunningStack, Visitor, a_visitor

SERVICES = ("customers", "interactions", "loyalty", "analytics")
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Town:
    """A stack with a second replica of each process, and a client of a tenant."""

    stack: RunningStack
    replicas: dict[str, Replica]
    visitor: Visitor

    @property
    def gateways(self) -> list[str]:
        """The addresses of both gateways."""
        return [self.stack.url, f"http://127.0.0.1:{self.replicas['gateway'].port}"]


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    stack = RunningStack(tmp_path_factory.mktemp("replicas"))
    stack.start()
    replicas: dict[str, Replica] = {}
    visitor = a_visitor(stack)
    try:
        for name in SERVICES:
            replicas[name] = Replica(stack, name, name="second")
        upstreams = {name: f"http://127.0.0.1:{replica.port}" for name, replica in replicas.items()}
        replicas["gateway"] = Replica(stack, "gateway", name="second", UPSTREAMS=json.dumps_str(upstreams))
        await asyncio.gather(*(replica.ready() for replica in replicas.values()))
        yield Town(stack, replicas, visitor)
    finally:
        await visitor.close()
        for replica in replicas.values():
            await replica.stop()
        stack.stop()


async def test_a_key_that_is_revoked_at_one_gateway_is_refused_by_the_other_within_a_second(town: Town) -> None:
    first, second = town.gateways
    issued = (await town.visitor.request("POST", "/v1/api-keys", json={"name": "x", "scopes": ["tenants:read"]})).json()
    holder = Visitor(town.stack, issued["key"])
    for url in town.gateways:
        assert (await holder.request("GET", f"{url}/v1/tenants")).status_code == 200
    assert (await town.visitor.request("DELETE", f"{first}/v1/api-keys/{issued['id']}")).status_code == 204
    deadline = time.monotonic() + 1
    while (await holder.request("GET", f"{second}/v1/tenants")).status_code != 401:
        assert time.monotonic() < deadline
    assert (await holder.request("GET", f"{first}/v1/tenants")).status_code == 401
    await holder.close()


async def test_requests_to_either_gateway_have_one_effect_and_one_order(town: Town) -> None:
    """While the second replicas are killed, too. Each customer's points are exact, and both gateways show one feed."""
    visitor, urls = town.visitor, itertools.cycle(town.gateways)
    program = (await visitor.request("POST", "/v1/programs", json=a_program())).json()
    await visitor.request("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
    customers = [await _create(visitor, next(urls)) for _ in range(6)]
    for round in range(10):
        if round == 5:
            for name in ("loyalty", "analytics", "interactions"):
                town.replicas[name].send(signal.SIGKILL)
            urls = itertools.cycle(town.gateways[:1])
        await asyncio.gather(*(_buy(visitor, next(urls), customer) for customer in customers))
    await visitor.drained()
    members = (await visitor.request("GET", "/v1/memberships")).json()["items"]
    balances = [(await visitor.request("GET", f"/v1/memberships/{one['id']}/balance")).json() for one in members]
    assert [balance["available"] for balance in balances] == [50] * 6
    feeds = [(await visitor.request("GET", f"{url}/v1/events?limit=1000")).json()["items"] for url in town.gateways]
    assert feeds[0] == feeds[1]
    ids = [event["id"] for event in feeds[0]]
    assert len(ids) == len(set(ids))
    kinds = [event["type"] for event in feeds[0]]
    assert kinds.count("interactions.purchase_recorded.v1") == kinds.count("loyalty.points_earned.v1") == 60


async def test_two_gateways_deliver_each_event_once_and_in_order_and_one_goes_on_alone(town: Town) -> None:
    visitor, urls = town.visitor, itertools.cycle(town.gateways)
    async with receiving() as receiver:
        body = {"url": receiver.url, "event_types": ["customers.*"], "ordered": True}
        created = await visitor.request("POST", f"{town.gateways[1]}/v1/webhook-endpoints", json=body)
        assert created.status_code == 201, created.text
        customers = [await _create(visitor, next(urls)) for _ in range(20)]
        await receiver.receive(20)
        await asyncio.sleep(1)  # time for a second delivery, if there were any
        assert Counter(receiver.ids).total() == len(set(receiver.ids)) == 20
        first = town.stack.kill("gateway")
        for customer in customers:
            url = f"{town.gateways[1]}/v1/customers/{customer}"
            await visitor.request_until_answered("PATCH", url, json={"occupation": "baker"})
        await receiver.receive(40, seconds=60)
        await town.stack.revived("gateway", first)
    assert len(set(receiver.ids)) == 40
    for customer in customers:
        types = [request.event["type"] for request in receiver.requests if request.event["subject"] == customer]
        assert types == ["customers.customer_created.v1", "customers.customer_updated.v1"]


async def _create(visitor: Visitor, url: str) -> str:
    answer = await visitor.request_until_answered("POST", f"{url}/v1/customers", json=a_customer())
    return str(answer.json()["id"])


async def _buy(visitor: Visitor, url: str, customer: str) -> None:
    """Record a purchase of 5.00 twice, as a till does that got no response."""
    body = a_purchase(customer)
    for expected in (201, 200):
        answer = await visitor.request_until_answered("POST", f"{url}/v1/purchases", json=body)
        assert answer.status_code in (expected, 200), answer.text
