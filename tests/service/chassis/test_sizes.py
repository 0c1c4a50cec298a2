"""Sizes: a record and an event have a limit, and an item of a batch that exceeds one is refused alone."""

from typing import Any

import pytest

from chassis import json
from chassis.core.events import MAX_EVENT_BYTES
from chassis.db.record_size import MAX_RECORD_BYTES, record_bytes
from chassis.db.tables import TECHNICAL
from chassis.types.ids import uuid7
from services.customers.people import tables
from tests.support.facts import a_customer, a_purchase, known_as
from tests.support.interactions import a_touch_point
from tests.support.problems import assert_problem
from tests.support.service import ServiceUnderTest

LONG = "\U0001f375" * 200
TOO_LONG = [{"sku": "x", "name": LONG, "category": LONG, "quantity": "1", "amount": "1.00"}] * 700


async def of_batch(service: ServiceUnderTest, path: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    response = await service.post(path, {"items": items})
    assert response.status_code == 200, response.text
    return list(response.json()["results"])


async def test_an_item_whose_event_is_too_large_is_refused_alone(interactions: ServiceUnderTest) -> None:
    too_large = a_purchase(lines=TOO_LONG)
    results = await of_batch(
        interactions, "/v1/purchases/batch", [a_purchase(), too_large, too_large, a_purchase(), a_purchase()]
    )
    assert [result["status"] for result in results] == ["created", "refused", "refused", "created", "created"]
    for result in results[1:3]:
        problem = result["problem"]
        assert (problem["status"], problem["code"], problem["limit"]) == (413, "payload_too_large", MAX_EVENT_BYTES)
        assert problem["instance"] == f"/v1/purchases/batch#/items/{result['index']}"
        assert problem["size"] > MAX_EVENT_BYTES
        assert str(problem["size"]) in problem["detail"]
    stored = {str(row["id"]) for row in await interactions.rows("select id from purchase")}
    events = {event.data["purchase_id"] for event in await interactions.published()}
    assert stored == events == {result["id"] for result in results if result["id"]}
    assert len(stored) == 3


async def test_every_batch_of_records_refuses_an_item_alone(
    interactions: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.db.outbox.MAX_EVENT_BYTES", 400)
    items = [a_touch_point(uuid7(), agent_id=name) for name in ("a", "b" * 250, "c")]
    results = await of_batch(interactions, "/v1/touch-points/batch", items)
    assert [result["status"] for result in results] == ["created", "refused", "created"]
    assert [event.data["agent_id"] for event in await interactions.published()] == ["a", "c"]


def a_large_customer(**fields: Any) -> dict[str, Any]:
    """Return a body whose record is just below the limit, without custom fields."""
    address = {"street": "\U0001f375" * 500, "city": LONG, "region": LONG}
    return a_customer(addresses=[address] * 50, tags=[f"{number:04}{LONG[:50]}" for number in range(160)], **fields)


async def size_of(customers: ServiceUnderTest, id: str) -> int:
    async with customers.work(writes=False) as work:
        return record_bytes(await work.get(tables.Customer, id))  # type: ignore[arg-type]


async def test_a_record_reaches_its_limit_and_exceeds_it_by_no_byte(customers: ServiceUnderTest) -> None:
    created = await customers.post("/v1/customers", a_large_customer(custom={"text": ""}))
    assert created.status_code == 201, created.text
    path = f"/v1/customers/{created.json()['id']}"
    left = MAX_RECORD_BYTES - await size_of(customers, created.json()["id"])
    assert 0 < left < 60_000
    await customers.published()

    refused = await customers.patch(path, {"custom": {"text": "x" * (left + 1)}})
    problem = assert_problem(refused, 413, "record_too_large")
    assert (problem["size"], problem["limit"]) == (MAX_RECORD_BYTES + 1, MAX_RECORD_BYTES)
    assert (await customers.get(path)).json() == created.json()
    assert await customers.published() == []
    assert len(await customers.rows("select id from chassis.audit")) == 1

    stored = (await customers.rows("select * from customer"))[0]
    content = {name: stored[name] for name in stored.keys() - TECHNICAL - tables.Customer.computed}
    assert len(json.dumps(content)) == MAX_RECORD_BYTES - left

    exactly = await customers.patch(path, {"custom": {"text": "x" * left}})
    assert (exactly.status_code, exactly.json()["version"]) == (200, 2)
    assert_problem(await customers.patch(path, {"tags": [*exactly.json()["tags"], "x"]}), 413, "record_too_large")
    for version in range(3, 12):  # a version of two digits takes nothing away
        patched = await customers.patch(path, {"custom": {"text": f"{version % 10}" * left}})
        assert (patched.status_code, patched.json()["version"]) == (200, version)


async def test_a_new_record_that_is_too_large_is_refused(customers: ServiceUnderTest) -> None:
    body = a_large_customer(custom={"text": "x" * 65_000}, **known_as("1"))
    assert_problem(await customers.post("/v1/customers", body), 413, "record_too_large")
    upserted = await customers.put("/v1/customers/by-external-id?source=till&id=1", body)
    assert_problem(upserted, 413, "record_too_large")
    assert (await customers.get("/v1/customers")).json()["items"] == []


async def test_upserts_add_no_more_external_ids_than_a_record_holds(customers: ServiceUnderTest) -> None:
    """External ids are added to those that exist, so each request could add another fifty."""
    statuses: list[str] = []
    for number in range(9):
        ids = [{"source": "till", "id": f"{number}-{index}-{LONG}"} for index in range(49)]
        item = a_customer(external_ids=[{"source": "till", "id": "1"}, *ids])
        (result,) = await of_batch(customers, "/v1/customers/batch", [item])
        statuses.append(result["status"])
    assert statuses == ["created", *["updated"] * 5, *["refused"] * 3]
    (record,) = (await customers.get("/v1/customers")).json()["items"]
    assert len(record["external_ids"]) == 1 + 6 * 49


async def test_a_refused_item_leaves_no_trace_in_the_rest_of_its_batch(customers: ServiceUnderTest) -> None:
    keys = known_as("1")
    large = a_large_customer(custom={"text": "x" * 65_000}, **keys)
    no_phone = a_customer(phones=[{"number": "none"}], occupation="baker", **keys)
    items = [a_customer(**keys), large, no_phone, a_customer(area="north", **keys), a_customer(**known_as("2"))]
    results = await of_batch(customers, "/v1/customers/batch", items)
    assert [result["status"] for result in results] == ["created", "refused", "refused", "updated", "created"]
    assert [result["problem"]["code"] for result in results[1:3]] == ["record_too_large", "validation_failed"]
    record = (await customers.get(f"/v1/customers/{results[0]['id']}")).json()
    assert (record["version"], record["area"], record["tags"], record["phones"]) == (2, "north", [], [])
    assert record["occupation"] is None
    changes = [event.data.get("changed") for event in await customers.published()]
    assert changes == [None, ["area"], None]
    assert len(await customers.rows("select id from chassis.audit")) == 3


async def test_a_larger_record_of_a_former_release_shrinks_and_does_not_grow(customers: ServiceUnderTest) -> None:
    created = (await customers.post("/v1/customers", a_customer(tags=["a"], **known_as("1")))).json()
    custom = json.dumps_str({"a": "x" * 200_000, "b": "x" * 200_000})
    await customers.rows("update customer set custom = $1", json.loads(custom))
    path = f"/v1/customers/{created['id']}"
    assert_problem(await customers.patch(path, {"tags": ["a", "b"]}), 413, "record_too_large")
    assert (await customers.patch(path, {"tags": ["b"]})).status_code == 200
    grown, shrunk = a_customer(**known_as("1")), a_customer(**known_as("1"))
    grown["tags"], shrunk["tags"] = ["b", "c"], []
    results = await of_batch(customers, "/v1/customers/batch", [grown, shrunk])
    assert [result["status"] for result in results] == ["refused", "updated"]
