"""Stories: a user works with the whole system through the gateway."""

import asyncio
from typing import Any

import httpx

from chassis.types import json
from chassis.types.ids import uuid7
from tests.auditor.audit import records_of
from tests.support.facts import a_customer, a_program, a_purchase, a_rule, known_as
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack, Visitor, a_visitor


async def a_program_with_points(visitor: Visitor) -> str:
    program = (await visitor.request("POST", "/v1/programs", json=a_program())).json()
    await visitor.request("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
    return str(program["id"])


async def balance_of(visitor: Visitor, customer_id: str) -> dict[str, Any]:
    (membership,) = (await visitor.request_until_answered("GET", f"/v1/memberships?customer_id={customer_id}")).json()[
        "items"
    ]
    balance: dict[str, Any] = (
        await visitor.request_until_answered("GET", f"/v1/memberships/{membership['id']}/balance")
    ).json()
    return balance


async def test_a_purchase_goes_through_the_whole_house(visitor: Visitor) -> None:
    await a_program_with_points(visitor)
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer(**known_as("1")))).json()
    lines = [{"sku": "tea", "quantity": "3", "unit_price": "4.50"}]
    answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(customer["id"], lines=lines))
    assert (answer.status_code, answer.json()["total"]) == (201, {"amount": "13.50", "currency": "EUR"})
    status = await visitor.drained()
    assert (await balance_of(visitor, customer["id"]))["available"] == 13
    pareto = (await visitor.request("GET", "/v1/analytics/pareto?currency=EUR")).json()
    assert (pareto["customers"], pareto["revenue"]) == (1, "13.50")
    assert {one["dead_letters"] for one in status["services"].values()} == {0}


async def test_a_trace_goes_from_the_request_to_the_event_of_a_reaction(stack: RunningStack, visitor: Visitor) -> None:
    await a_program_with_points(visitor)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-request-id": "order-42"}
    answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(), headers=headers)
    assert answer.headers["x-request-id"] == "order-42"
    await visitor.drained()
    log = stack.data_dir.log("interactions").read_text()
    assert trace in log
    traces = [dict(record.headers).get("ce_traceparent", b"") for record in await records_of(stack, "rapport.loyalty")]
    assert any(trace.encode() in found for found in traces)


async def test_one_tenant_sees_nothing_of_another(stack: RunningStack, visitor: Visitor) -> None:
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()
    program = await a_program_with_points(visitor)
    other = a_visitor(stack)
    try:
        for path in (f"/v1/customers/{customer['id']}", f"/v1/programs/{program}"):
            theirs = await other.request("GET", path)
            collection, id = path.rsplit("/", 1)
            unknown = str(uuid7())
            nobodys = await other.request("GET", f"{collection}/{unknown}")
            assert theirs.status_code == nobodys.status_code == 404
            assert without_their_own(theirs, id) == without_their_own(nobodys, unknown)
        assert (await other.request("GET", "/v1/programs")).json()["items"] == []
    finally:
        await other.close()


def without_their_own(answer: httpx.Response, id: str) -> dict[str, Any]:
    """Return a problem without the id that was asked for, and without the fields that differ between requests."""
    fields = json.loads(answer.text.replace(id, "ID"))
    return {name: value for name, value in fields.items() if name not in ("trace_id", "instance")}


async def test_openapi_and_pages_are_open_and_everything_else_is_not(stack: RunningStack, visitor: Visitor) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as nobody:
        for path in ("/openapi.json", "/asyncapi.json", "/docs", "/health", "/ready", "/problems/not-found"):
            assert (await nobody.get(path)).status_code == 200, path
        for path in ("/v1/customers", "/v1/status", "/v1/anything"):
            answer = await nobody.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        for path in ("/internal/status", "/v1", "/docs/", "/wp-login.php"):
            assert (await nobody.get(path)).status_code == 404
        root = await nobody.get("/")
        assert (root.status_code, root.headers["location"]) == (307, "/docs")
        assert (await nobody.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"
    assert (await visitor.request("GET", "/v1/anything")).status_code == 404


async def test_the_events_of_a_customer_arrive_in_the_order_of_its_versions(
    stack: RunningStack, visitor: Visitor
) -> None:
    """Concurrent changes of a record publish their events in the order in which they locked it."""
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()
    path = f"/v1/customers/{customer['id']}"
    await asyncio.gather(*(visitor.request("PATCH", path, json={"area": f"a{number}"}) for number in range(40)))
    await visitor.drained()
    records = await records_of(stack, "rapport.customers")
    versions = [json.loads(record.value)["version"] for record in records if customer["id"].encode() in record.key]
    assert versions == list(range(1, 42))


async def test_a_contact_of_an_account_gets_an_owner(visitor: Visitor) -> None:
    """The record, its relations and its history, and the events that other systems receive."""
    home = {"city": "Amsterdam", "latitude": 52.37, "longitude": 4.89}
    body = a_customer(birthday="--12-10", emails=[{"address": "ada@example.com"}], addresses=[home])
    ada = (await visitor.request("POST", "/v1/customers", json=body)).json()["id"]
    firm = (await visitor.request("POST", "/v1/customers", json={"kind": "organization", "name": "Engines"})).json()
    contact = {"kind": "contact", "related_customer_id": ada, "role": "buyer"}
    await visitor.request("POST", f"/v1/customers/{firm['id']}/relations", json=contact)
    await visitor.request("PATCH", f"/v1/customers/{ada}", json={"owner_id": "agent-7"})

    (found,) = (await visitor.request("GET", "/v1/customers?near=52.4,4.9,10&owner_id=agent-7")).json()["items"]
    (relation,) = (await visitor.request("GET", f"/v1/customers/{ada}/relations")).json()["items"]
    (change, _) = (await visitor.request("GET", f"/v1/customers/{ada}/history")).json()["items"]
    assert (found["id"], found["lifecycle"]) == (ada, "client")
    assert (relation["kind"], relation["related_customer_id"]) == ("account", firm["id"])
    assert [one["field"] for one in change["changes"]] == ["lifecycle", "owner_id"]

    await visitor.request("POST", f"/v1/customers/{ada}/archive")
    assert (await visitor.request("GET", "/v1/customers?owner_id=agent-7")).json()["items"] == []
    await visitor.drained()
    events = (await visitor.request("GET", "/v1/events?types=customers.*")).json()["items"]
    assert [event["type"].split(".")[1] for event in events if event["subject"] == ada] == [
        "customer_created",
        "profile_completed",
        "relation_changed",
        "customer_updated",
        "owner_assigned",
        "customer_updated",
    ]


async def test_customers_move_from_one_tenant_to_another_by_files(stack: RunningStack, visitor: Visitor) -> None:
    """An upload that is larger than any other body, an import, an export, and the import of that in another tenant."""
    rows = "\n".join(f'{number},Name {number},"{"x" * 20_000}"' for number in range(1000))
    headers = {"content-type": "text/csv"}
    too_large = await visitor.request("POST", "/v1/customers", content=rows, headers=headers)
    assert (len(rows) > 16_000_000, too_large.status_code) == (True, 413)
    file = (await visitor.request("POST", "/v1/imports", content=f"Id,Name,Note\n{rows}\n", headers=headers)).json()
    mapping = {"Id": "external_ids.till", "Name": "name"}
    await visitor.request("POST", f"/v1/imports/{file['id']}/start", json={"mapping": mapping})
    assert (await finished(visitor, f"/v1/imports/{file['id']}"))["created"] == 1000
    export = (await visitor.request("POST", "/v1/exports", json={})).json()
    assert (await finished(visitor, f"/v1/exports/{export['id']}"))["done"] == 1000
    content = (await visitor.request("GET", f"/v1/exports/{export['id']}/file")).content
    other = a_visitor(stack)
    try:
        file = (await other.request("POST", "/v1/imports", content=content, headers=headers)).json()
        await other.request("POST", f"/v1/imports/{file['id']}/start", json={})
        assert (await finished(other, f"/v1/imports/{file['id']}"))["created"] == 1000
    finally:
        await other.close()


async def finished(visitor: Visitor, path: str) -> dict[str, Any]:
    """Wait until a job has ended, and return it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (job := (await visitor.request("GET", path)).json())["finished_at"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert job["state"] == "succeeded", job
    return dict(job)
