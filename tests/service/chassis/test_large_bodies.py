"""Large bodies: they are refused while they arrive, and others are served while they are parsed and validated."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.core.identity import HEADER
from chassis.core.telemetry import Metrics
from chassis.http.body_budget import BUFFERED_BODIES, PARSED_BODIES
from tests.support.facts import a_purchase
from tests.support.problems import assert_problem
from tests.support.service import ServiceUnderTest

JSON = {"content-type": "application/json"}
LINE = {"sku": "tea", "name": "Tea", "category": "drinks", "quantity": "1", "amount": "2.50", "unit_cost": "1.00"}


async def sent(start: bytes, piece: bytes, pieces: int, counted: list[int]) -> AsyncIterator[bytes]:
    """Yield a body, and count the pieces that the service has taken."""
    yield start
    for _ in range(pieces):
        counted.append(1)
        yield piece


@pytest.mark.parametrize(
    ("path", "start", "item", "text"),
    [
        ("/v1/purchases/batch", b'{"items":[', b"{},", "62500 objects and lists"),
        ("/v1/purchases/batch", b'{"items":[{"lines":[', b"1,", "50000 values per item"),
        ("/v1/purchases/batch", b'{"items":[', b"[1,1,1,1,1,1],", "250000 values"),
        ("/v1/purchases/batch", b'{"others":[', b"1,", "50000 values"),
        ("/v1/purchases", b'{"lines":[', b"{},", "12500 objects and lists"),
        ("/v1/purchases", b'{"lines":[', b"1,", "50000 values"),
    ],
)
async def test_a_body_of_too_many_values_is_refused_before_it_has_arrived(
    interactions: ServiceUnderTest, path: str, start: bytes, item: bytes, text: str
) -> None:
    counted: list[int] = []
    content = sent(start, item * 10_000, 500, counted)
    response = await interactions.request("POST", path, content=content, headers=JSON)
    assert text in assert_problem(response, 413, "payload_too_large")["detail"]
    assert len(counted) <= 30
    assert not BUFFERED_BODIES.used
    assert not PARSED_BODIES.used


async def test_a_purchase_of_as_many_lines_as_allowed_is_recorded(interactions: ServiceUnderTest) -> None:
    line = {"sku": "a", "quantity": "1", "amount": "1", "unit_price": "1", "discount": "0", "name": "a"}
    body = a_purchase(lines=[line | {"category": "a", "unit_cost": "1"}] * 5_000)
    response = await interactions.post("/v1/purchases", body)
    assert (response.status_code, response.json().get("code")) in ((201, None), (413, "payload_too_large"))
    assert "values" not in response.text


def large_batch(lines: int = 20) -> dict[str, Any]:
    """Return a batch of a thousand purchases: 2 MB, with an item of the wrong type and an invalid line."""
    items: list[Any] = [a_purchase(lines=[dict(LINE) for _ in range(lines)]) for _ in range(1_000)]
    items[3] = "a purchase"
    items[617]["lines"][7]["quantity"] = "many"
    items[999]["lines"][0]["sku"] = 12345678901234567890123
    return {"items": items}


async def test_the_items_of_a_large_batch_have_the_results_of_a_small_one(interactions: ServiceUnderTest) -> None:
    batch = large_batch()
    results = (await interactions.post("/v1/purchases/batch", batch)).json()["results"]
    assert [result["index"] for result in results if result["status"] == "refused"] == [3, 617, 999]
    assert {result["status"] for result in results} == {"created", "refused"}
    small = {"items": [batch["items"][index] for index in (3, 617, 999)]}
    for result in (await interactions.post("/v1/purchases/batch", small)).json()["results"]:
        (same,) = [one for one in results if one["index"] == (3, 617, 999)[result["index"]]]
        assert same["problem"]["errors"] == result["problem"]["errors"]
    assert results[617]["problem"]["errors"][0]["pointer"] == "/lines/7/quantity"
    assert not BUFFERED_BODIES.used
    assert not PARSED_BODIES.used


async def test_others_are_served_while_a_large_batch_is_validated(interactions: ServiceUnderTest) -> None:
    items = large_batch()["items"]
    for item in items:
        if isinstance(item, dict):
            item["currency"] = "none"  # refused, so that nothing is stored
    batch = asyncio.ensure_future(interactions.post("/v1/purchases/batch", {"items": items}))
    turns = 0
    while not batch.done():
        await asyncio.sleep(0)
        turns += 1
    assert (await batch).status_code == 200
    assert turns > 50


async def test_a_batch_of_too_many_items_is_refused_for_their_number(interactions: ServiceUnderTest) -> None:
    items = [a_purchase() for _ in range(1_001)]
    items[0]["lines"] = []
    problem = assert_problem(await interactions.post("/v1/purchases/batch", {"items": items}), 422, "validation_failed")
    (error,) = problem["errors"]
    assert (error["pointer"], error["code"]) == ("/items", "too_many_items")


async def test_a_client_that_disconnects_while_it_sends_is_no_error(
    interactions: ServiceUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        responses.append(message)

    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    responses: list[Any] = []
    headers = [(b"content-type", b"application/json"), (HEADER.lower().encode(), interactions.signed().encode())]
    path = "/v1/purchases"
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "state": {}}
    running = interactions.shared.running
    before = disconnected(running.metrics, path)
    await running.asgi(scope, receive, send)
    assert responses == []
    assert disconnected(running.metrics, path) == before + 1
    assert "request failed" not in capsys.readouterr().out
    failed = {"method": "POST", "route": path, "status": "500"}
    assert running.metrics.registry.get_sample_value("http_request_duration_seconds_count", failed) is None


def disconnected(metrics: Metrics, route: str) -> float:
    labels = {"method": "POST", "route": route}
    return metrics.registry.get_sample_value("http_client_disconnects_total", labels) or 0
