"""Isolation: two tenants of a running system use the same external ids, e-mails, source ids and keys.

The tests read the operations from the gateway's OpenAPI document, so that they include each new operation. Public
operations are left out where they are called by id: the token in their path is the credential.
"""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.types import json
from chassis.types.ids import uuid7
from tests.support.facts import a_program, a_purchase
from tests.support.operations import NO_RECORD, Operation, operations, without_what_differs
from tests.support.records import made
from tests.support.shops import ADA, SENT_AS, SOUGHT, Shop, a_shop, early_refund
from tests.support.stack import RunningStack, Visitor

pytestmark = pytest.mark.generated

UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FILTERED_BY = {
    "customer_id": ("customers", "with_sales", "related_customers", "ended", "erased", "survivors", "members"),
    "deal_id": ("deals", "contracted_deals"),
    "entity_id": ("api-keys",),
    "erasure_id": ("blocking_erasures",),
    "event_id": (),
    "survey_id": ("answered_surveys",),
    "policy_id": ("sla-policies",),
    "about_id": ("subjects_of_cases",),
    "cause_id": ("causes",),
    "duplicate_of_id": ("original_suggestions",),
    "stage_id": ("stages", "first_stages"),
    "endpoint_id": ("webhook-endpoints",),
    "merged_id": ("merged",),
    "view": ("views",),
}
"""The records that a list is filtered by, if the name of the parameter does not tell: by one of them at least."""
NOT_SOUGHT = ("limit", "cursor", "after", "window_days", "event_id", "source_id", "agent_id")
NEVER_FILLED = ("waiting-refunds", "sandbox", "authentication-failures")
SAMPLES = Path(__file__).parents[2] / "contracts" / "events" / "customers.customer_created.v1.json"
IDS_OF_SAMPLES = set(UUID_TEXT.findall(SAMPLES.read_text()))
"""Ids of the sample event that each shop sends to its webhook endpoints."""
OF_THE_WHOLE_SYSTEM = "GET /v1/status"
CHANGES_BY_ITSELF = {"as_of", "last_used_at", "trace_id", "collected_at", "welcome_at"}
ONE_ROW_ALWAYS = ("tenants", "duplicate-searches")
ONE_PARAMETER_ALWAYS = "GET /v1/agent-cards"
"""Takes exactly one of its parameters."""
ONLY_OF_A_CUSTOMER = ("purchases", "sku")
ONLY_IN_SANDBOXES = "GET /v1/sandbox/clock"
NOT_COMPLETED_YET = "GET /v1/erasures/{id}/certificate"
"""Returns 409 until the erasure's grace period has passed."""


@pytest.fixture(scope="module")
async def shops(stack: RunningStack) -> AsyncIterator[tuple[Shop, Shop]]:
    one, other = await a_shop(stack), await a_shop(stack)
    await one.visitor.drained()
    yield one, other
    for shop in (one, other):
        await shop.visitor.close()


@pytest.fixture(scope="module")
async def offered(shops: tuple[Shop, Shop]) -> list[Operation]:
    """Return all operations of the document, reads first, because a deleted record can no longer be read."""
    document = (await shops[0].request("GET", "/openapi.json")).json()
    for operation in operations(document):
        for parameter in operation.described.get("parameters", []):
            resolve(parameter["schema"], document["components"]["schemas"])
    return sorted(operations(document), key=lambda operation: operation.method != "GET")


def resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Replace a reference to a named vocabulary by its values."""
    for part in (schema, schema.get("items", {})):
        if reference := part.pop("$ref", None):
            part.update(schemas[reference.rpartition("/")[2]])


# Reading


async def test_another_tenants_id_is_answered_like_one_that_nobody_has(
    shops: tuple[Shop, Shop], offered: list[Operation]
) -> None:
    one, other = shops
    for operation in [operation for operation in offered if operation.is_on_a_record and not operation.is_public]:
        asked, unknown = one.of(operation), (str(uuid7()), one.ids["rule_id"])
        theirs, nobodys = await operation.send(other, *asked), await operation.send(other, *unknown)
        mine = await operation.send(one, *asked) if operation.method == "GET" else None
        expected = 200 if operation.kind in NO_RECORD else 404
        assert (theirs.status_code, nobodys.status_code) == (expected, expected), f"{operation}: {theirs.text}"
        assert without_what_differs(theirs, *asked) == without_what_differs(nobodys, *unknown), operation
        assert named_headers(theirs) == named_headers(nobodys), operation
        if mine is not None:
            assert mine.status_code == own_status(operation), f"{operation}: {mine.text}"
            assert without_what_differs(mine, *asked) != without_what_differs(theirs, *asked), operation


def own_status(operation: Operation) -> int:
    """Return the status of the response to a tenant that reads its own record."""
    return 409 if str(operation) == NOT_COMPLETED_YET else 200


def named_headers(answer: httpx.Response) -> dict[str, str]:
    """Return the headers of a response, without those that differ between any two responses."""
    return {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}


async def test_lists_and_searches_show_nothing_of_another_tenant(
    shops: tuple[Shop, Shop], offered: list[Operation]
) -> None:
    one, other = shops
    barren = []
    for operation, query in searches(offered, one):
        mine = await one.request("GET", operation.path, params=query)
        theirs = await other.request("GET", operation.path, params=query)
        assert (mine.status_code, theirs.status_code) == (200, 200), f"{operation} {query}: {mine.text}"
        shared = set(UUID_TEXT.findall(mine.text)) & set(UUID_TEXT.findall(theirs.text)) - IDS_OF_SAMPLES
        assert not shared, f"{operation} {query}"
        if mine.json().get("items") == []:
            barren.append(f"{operation} {query}")
    assert not barren, f"the test proves nothing, because nothing is found: {barren}"


def searches(offered: list[Operation], shop: Shop) -> Iterator[tuple[Operation, dict[str, str]]]:
    """Iterate over the lists, with each of their filters separately."""
    for operation in offered:
        if operation.method != "GET" or operation.is_on_a_record or str(operation) == ONLY_IN_SANDBOXES:
            continue
        parameters = [one for one in operation.described.get("parameters", []) if one["in"] == "query"]
        needed = {one["name"]: sought(operation, one, shop)[0] for one in parameters if one.get("required")}
        if str(operation) != ONE_PARAMETER_ALWAYS:
            yield operation, needed
        for parameter in parameters:
            is_id = filtered_by(parameter) != ()
            if parameter["name"] not in (*NOT_SOUGHT, *needed) and operation.kind not in NEVER_FILLED and not is_id:
                of_ada = (
                    {"customer_id": shop.ids["customers"]}
                    if (operation.kind, parameter["name"]) == ONLY_OF_A_CUSTOMER
                    else {}
                )
                for value in sought(operation, parameter, shop):
                    yield operation, needed | of_ada | {SENT_AS.get(parameter["name"], parameter["name"]): value}
            if parameter["name"] == "source_id":
                yield operation, needed | {"source": "till", "source_id": "p-1"}
            if parameter["name"] == "agent_id":
                yield operation, needed | {"agent_id": SOUGHT["agent_id"]}


def sought(operation: Operation, parameter: dict[str, Any], shop: Shop) -> list[str]:
    """Return values of a parameter that find a record."""
    name, schema = parameter["name"], parameter["schema"]
    if name == "subject":
        return [shop.ids["customers"]]
    if name.endswith((".gte", ".gt", ".lte", ".lt")):
        day = "2020-01-01" if ".g" in name else "2190-01-01"
        return [day if schema["format"] == "date" else f"{day}T00:00:00Z"]
    if name in SOUGHT:
        return [SOUGHT[name]]
    parts = [schema, *schema.get("anyOf", [])]
    choices = [choice for part in parts for choice in part.get("enum", part.get("items", {}).get("enum", []))]
    if {part.get("type") for part in parts} & {"boolean"}:
        return ["false"]
    if name == "sort":
        return choices or schema["examples"]
    assert choices, f"{name}: add a value that finds Ada to SOUGHT"
    if (operation.kind, name) == ("deliveries", "state"):
        return ["failed"]  # nothing listens
    return choices[:1]


def filtered_by(parameter: dict[str, Any]) -> tuple[str, ...]:
    """Return the kinds of records whose ids a parameter of a list takes."""
    name = parameter["name"]
    if name in FILTERED_BY:
        return FILTERED_BY[name]
    is_id = '"uuid"' in json.dumps_str(parameter["schema"]) and name.endswith("_id")
    return (f"{name.removesuffix('_id')}s",) if is_id else ()


async def test_a_filter_by_another_tenants_id_finds_nothing(shops: tuple[Shop, Shop], offered: list[Operation]) -> None:
    one, other = shops
    tried, barren = 0, []
    lists = [found for found in offered if found.method == "GET" and not found.is_on_a_record]
    for operation in [found for found in lists if found.kind not in NEVER_FILLED]:
        for parameter in operation.described.get("parameters", []):
            queries = [{parameter["name"]: one.ids[kind]} for kind in filtered_by(parameter)]
            mine = [(await one.request("GET", operation.path, params=query)).json()["items"] for query in queries]
            if queries and not any(mine):
                barren.append(f"{operation} {parameter['name']}")
            for query in queries:
                theirs = await other.request("GET", operation.path, params=query)
                assert theirs.status_code == 404 or theirs.json()["items"] == [], f"{operation} {query}"
            tried += len(queries)
    assert tried > 9
    assert not barren, f"the test proves nothing, because nothing is found: {barren}"


async def test_a_cursor_of_another_tenant_is_refused(shops: tuple[Shop, Shop], offered: list[Operation]) -> None:
    one, other = shops
    lists = [found for found in offered if "cursor" in str(found.described.get("parameters")) and "{" not in found.path]
    assert len(lists) > 4
    for operation in lists:
        cursor = (await one.request("GET", operation.path, params={"limit": 1})).json()["next_cursor"]
        if cursor is None:
            assert operation.kind in ONE_ROW_ALWAYS, f"{operation}: create two in each shop"
            continue
        assert (await one.request("GET", operation.path, params={"cursor": cursor})).status_code == 200
        refused = await other.request("GET", operation.path, params={"cursor": cursor})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor"), operation


async def test_the_status_tells_counts_and_nothing_else(shops: tuple[Shop, Shop]) -> None:
    """The page contains counts of the tenant, and whether everything is applied, but nothing of another tenant."""
    status = (await shops[1].request("GET", "/v1/status")).json()
    assert set(status) == {"drained", "complete", "compared_at", "services"}
    reported = [
        value for service in status["services"].values() for name, value in service.items() if name != "version"
    ]
    assert {service["consumer_lag"] for service in status["services"].values()} == {None}, "it counts all tenants"
    gauges = [value for value in reported if isinstance(value, dict)]
    counts = [
        *(value for value in reported if value not in gauges),
        *(count for each in gauges for count in each.values()),
    ]
    assert {type(count) for count in counts} <= {int, float, bool, type(None)}
    assert {name for each in gauges for name in each} == {"orphans", "webhook_backlog"}


# Writing


async def test_an_idempotency_key_of_another_tenant_answers_nothing(shops: tuple[Shop, Shop]) -> None:
    one, other = shops
    for path, body in (("/v1/customers", ADA), ("/v1/programs", a_program())):
        headers = {"idempotency-key": "shared"}
        answers = [
            await shop.request("POST", path, json=body | {"name": "x"}, headers=headers) for shop in (one, other)
        ]
        assert not [answer for answer in answers if "idempotency-replayed" in answer.headers], path
        assert not set(UUID_TEXT.findall(answers[0].text)) & set(UUID_TEXT.findall(answers[1].text)), path


async def test_an_idempotency_key_of_another_api_key_answers_nothing(
    stack: RunningStack, shops: tuple[Shop, Shop]
) -> None:
    """An Idempotency-Key is scoped to the API key, so that two clients of a tenant may both count from 1."""
    one, _ = shops
    wanted = {"name": "second till", "scopes": ["loyalty:configure"]}
    second = Visitor(stack, (await made(one, "/v1/api-keys", wanted))["key"])
    headers = {"idempotency-key": "1"}
    first_answer = await one.request("POST", "/v1/programs", json=a_program(), headers=headers)
    second_answer = await second.request("POST", "/v1/programs", json=a_program(), headers=headers)
    await second.close()
    assert (first_answer.status_code, second_answer.status_code) == (201, 201)
    assert first_answer.json()["id"] != second_answer.json()["id"]


async def test_whatever_one_tenant_does_the_other_sees_no_change(
    shops: tuple[Shop, Shop], offered: list[Operation]
) -> None:
    """The second tenant sends every operation on the ids of the first, and every body that can contain them."""
    one, other = shops
    before, others_before = await everything_seen_by(one, offered), await everything_seen_by(other, offered)
    for operation in offered:
        if operation.is_on_a_record and not operation.is_public:
            assert (await operation.send(other, *one.of(operation))).status_code in (200, 404), operation
    for method, path, body in bodies_that_name(one, other):
        headers = {"idempotency-key": "same"}  # the first tenant has used it too
        answer = await other.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201, 409, 422), f"{path}: {answer.text}"
        named = set(UUID_TEXT.findall(str(body)))
        assert not set(UUID_TEXT.findall(answer.text)) & set(one.ids.values()) - named, path
    await other.visitor.drained()
    assert await everything_seen_by(one, offered) == before
    assert await everything_seen_by(other, offered) != others_before


def bodies_that_name(one: Shop, other: Shop) -> Iterator[tuple[str, str, Any]]:
    """Iterate over requests of the second tenant with ids of the first, and with values that both use."""
    ada = one.ids["customers"]
    touch_point = {"customer_id": ada, "source": "phone", "channel": "phone", "direction": "inbound"}
    touch_points = [touch_point | {"source_id": str(n), "occurred_at": "2026-03-01T10:00:00Z"} for n in range(2)]
    mallory = ADA | {"given_name": "Mallory"}
    yield "POST", "/v1/purchases", a_purchase(ada, source_id="p-2")
    yield "POST", "/v1/purchases/batch", {"items": [a_purchase(ada), a_purchase(ada, source_id="p-1")]}
    yield "POST", "/v1/touch-points", touch_points[0]
    yield "POST", "/v1/touch-points/batch", {"items": touch_points}
    yield "POST", "/v1/refunds", early_refund("r-9", "p-1")
    yield "POST", "/v1/customers/batch", {"items": [mallory]}
    yield "PUT", "/v1/customers/by-external-id?source=till&id=7", mallory
    yield "POST", "/v1/memberships", {"program_id": one.ids["programs"], "customer_id": ada}
    yield "POST", "/v1/memberships", {"program_id": other.ids["programs"], "customer_id": ada}


async def everything_seen_by(shop: Shop, offered: list[Operation]) -> dict[str, Any]:
    """Return the response of each read operation on the tenant's own records."""
    seen = {}
    for operation in offered:
        if operation.method == "GET" and str(operation) != OF_THE_WHOLE_SYSTEM and str(operation) != ONLY_IN_SANDBOXES:
            answer = await read(shop, operation)
            assert answer.status_code == own_status(operation), f"{operation}: {answer.text}"
            is_json = answer.headers["content-type"].endswith("json")
            seen[str(operation)] = without_what_changes(answer.json()) if is_json else answer.text
    return seen


async def read(shop: Shop, operation: Operation) -> httpx.Response:
    if operation.is_on_a_record:
        return await operation.send(shop, *shop.of(operation))
    parameters = operation.described.get("parameters", [])
    required = [one["name"] for one in parameters if one.get("required") and one["in"] == "query"]
    query = {name: SOUGHT[name] for name in required}
    if str(operation) == ONE_PARAMETER_ALWAYS:
        query = {"customer_id": shop.ids["customers"]}
    return await shop.request("GET", operation.path, params=query)


def without_what_changes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_what_changes(one) for name, one in value.items() if name not in CHANGES_BY_ITSELF}
    return [without_what_changes(one) for one in value] if isinstance(value, list) else value
