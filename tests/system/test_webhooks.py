"""Webhooks on the running system: through Kafka and the feed, with the gateway killed, and by the commands."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from chassis.types import json
from tests.support.facts import a_customer
from tests.support.receiver import Receiver, receiving
from tests.support.stack import RAPPORT, RunningStack, Visitor
from tests.system.test_clients import output_of

HERE = Path(__file__).parent / "clients"
TYPE = "customers.customer_created.v1"


async def endpoint(visitor: Visitor, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    """Create an endpoint for new customers."""
    body = {"url": receiver.url, "event_types": [TYPE], **fields}
    response = await visitor.request("POST", "/v1/webhook-endpoints", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def customers(visitor: Visitor, count: int) -> list[str]:
    """Create customers in a batch. Returns their ids."""
    body = {"items": [a_customer()] * count}
    response = await visitor.request_until_answered("POST", "/v1/customers/batch", json=body)
    return [result["id"] for result in response.json()["results"]]


async def test_a_change_reaches_a_receiver_and_agrees_with_the_feed(stack: RunningStack, visitor: Visitor) -> None:
    async with receiving() as receiver:
        created = await endpoint(visitor, receiver, include=["record"])
        ids = await customers(visitor, 3)
        requests = await receiver.receive(3)
    events = [Webhook(created["secret"]).verify(request.body, request.headers) for request in requests]
    assert sorted(event["data"]["customer_id"] for event in events) == sorted(ids)
    assert all(event["data"]["record"]["id"] == event["data"]["customer_id"] for event in events)
    feed = (await visitor.request("GET", "/v1/events", params={"types": TYPE})).json()["items"]
    for event in events:
        del event["data"]["record"]
    assert sorted(feed, key=str) == sorted(events, key=str)


@pytest.mark.slow
async def test_a_gateway_killed_in_flight_loses_no_delivery_and_repeats_have_the_same_id(
    stack: RunningStack, visitor: Visitor
) -> None:
    async def answer_slowly(_: Any, __: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with receiving(lambda _: answer_slowly) as receiver:
        for path in ("plain", "ordered"):
            await endpoint(visitor, receiver, url=f"{receiver.url}/{path}", ordered=path == "ordered")
        ids: list[str] = []
        for kill in range(1, 3):
            ids += await customers(visitor, 100)
            await receiver.receive(150 * kill, seconds=60)
            await stack.revived("gateway", stack.kill("gateway"))
            await stack.ready()
        async with asyncio.timeout(90):
            while len(set(delivered(receiver))) < 400:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    received = delivered(receiver)
    assert {customer for _, customer in received} == set(ids)
    ids_of_events = {(request.id, request.event["data"]["customer_id"]) for request in receiver.requests}  # type: ignore[index]
    assert len(ids_of_events) == 200, "each customer has a single event id, however often it was sent"


def delivered(receiver: Receiver) -> list[tuple[str, str]]:
    """Return the requests by endpoint and customer."""
    return [(request.path, str(request.event["data"]["customer_id"])) for request in receiver.requests]  # type: ignore[index]


@asynccontextmanager
async def listening(stack: RunningStack, visitor: Visitor, receiver: Receiver) -> AsyncIterator[str]:
    """Run `rapport listen` during the block, and yield the secret with which it signs."""
    words = ["listen", "--url", stack.url, "--key", visitor.key, "--forward-to", receiver.url, "--types", TYPE]
    process = await asyncio.create_subprocess_exec(RAPPORT, *words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().split()[-1]
    finally:
        process.terminate()
        await process.wait()


async def test_listen_forwards_new_events_to_a_receiver_that_is_being_written(
    stack: RunningStack, visitor: Visitor
) -> None:
    answers = iter([503])
    async with receiving(lambda _: next(answers, 200)) as receiver, listening(stack, visitor, receiver) as secret:
        await asyncio.sleep(1)
        (id,) = await customers(visitor, 1)
        requests = await receiver.receive(2)
    assert requests[0].id == requests[1].id
    event = Webhook(secret).verify(requests[1].body, requests[1].headers)
    assert event["data"]["customer_id"] == id


async def test_trigger_sends_a_sample_and_prints_the_result(stack: RunningStack, visitor: Visitor) -> None:
    async with receiving() as receiver:
        created = await endpoint(visitor, receiver)
        words = ["trigger", "loyalty.points_earned.v1", "--url", stack.url, "--key", visitor.key]
        printed = await output_of(RAPPORT, *words, "--endpoint", created["id"])
        (request,) = receiver.requests
    assert printed == "delivered 200\n"
    assert Webhook(created["secret"]).verify(request.body, request.headers)["type"] == "loyalty.points_earned.v1"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: the JavaScript libraries are not tried")
async def test_the_javascript_libraries_verify_deliveries(
    stack: RunningStack, visitor: Visitor, tmp_path: Path
) -> None:
    async with receiving() as receiver:
        created = await endpoint(visitor, receiver)
        await visitor.request("POST", "/v1/customers", json=a_customer(given_name="Renée\u2028"))
        (request,) = await receiver.receive(1)
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copy(HERE / "webhooks" / name, tmp_path)
    await output_of("npm", "ci", "--prefix", tmp_path, "--ignore-scripts", "--no-audit", "--no-fund")
    (tmp_path / "body").write_bytes(request.body)
    signed = {name: value for name, value in request.headers.items() if name.startswith("webhook-")}
    printed = await output_of(
        "node", tmp_path / "verify.mjs", created["secret"], json.dumps_str(signed), tmp_path / "body"
    )
    assert printed.splitlines() == [f"standardwebhooks {TYPE}", f"svix {TYPE}", "changed refused refused"]
