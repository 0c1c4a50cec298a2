"""Input: bodies, fields, parameters and paths that are refused, each with a problem that names the error."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_purchase
from tests.support.problems import assert_problem
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize(
    ("case", "content", "status", "code"),
    [
        ("no JSON", b"{", 400, "malformed_request"),
        ("nothing", b"", 422, "validation_failed"),
        ("a list", b"[]", 422, "validation_failed"),
        ("not UTF-8", b'{"name": "\xff"}', 400, "malformed_request"),
        ("NaN", b'{"name": NaN}', 400, "malformed_request"),
        ("infinity", b'{"name": Infinity, "id": 1234567890123456789}', 400, "malformed_request"),
        ("UTF-16", '{"kind": "person"}'.encode("utf-16"), 400, "malformed_request"),
        ("a NUL in free JSON", b'{"kind": "person", "name": "a", "custom": {"b\\u0000": 1}}', 422, "validation_failed"),
        ("half a surrogate alone", b'{"kind": "person", "name": "\\ud800"}', 422, "validation_failed"),
        ("a name twice", b'{"kind": "person", "name": "a", "name": "b"}', 400, "malformed_request"),
        (
            "a name twice inside",
            b'{"kind": "person", "name": "a", "custom": {"b": 1, "b": 2}}',
            400,
            "malformed_request",
        ),
        ("a name twice, with blanks", b'{"kind" : "person", "name" : "a", "name" : "b"}', 400, "malformed_request"),
        (
            "65 bits",
            b'{"kind": "person", "name": "a", "custom": {"b": 18446744073709551616}}',
            422,
            "validation_failed",
        ),
        (
            "an integer beyond 64 bits behind 20 kB",
            b'{"kind": "person", "name": "a", "custom": {"a": "'
            + b"a" * 20_000
            + b'", "b": 123456789012345678901234567890}}',
            422,
            "validation_failed",
        ),
        ("deep", b'{"custom":' + b'{"a":' * 40 + b"1" + b"}" * 41, 400, "malformed_request"),
        ("very deep", b'{"custom":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "malformed_request"),
        ("huge", b'{"name": "' + b"a" * 2_100_000 + b'"}', 413, "payload_too_large"),
    ],
)
async def test_a_body_that_cannot_be_read_gets_a_problem(
    customers: ServiceUnderTest, case: str, content: bytes, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = await customers.request("POST", "/v1/customers", content=content, headers=headers)
    problem = assert_problem(answer, status, code)
    assert problem["errors"] or problem["detail"] != problem["title"]  # the problem names the error


@pytest.mark.parametrize(
    ("case", "content"),
    [
        ("a text that looks like a name", b'{"kind": "person", "name": "\\":a\\":"}'),
        ("blanks before the colon", b'{"kind" : "person", "name"\n:"a"}'),
        ("64 bits", b'{"kind": "person", "name": "a", "custom": {"b": 18446744073709551615}}'),
        ("a cut emoji", b'{"kind": "person", "name": "hello \\ud83d"}'),
        ("a NUL in a name", b'{"kind": "person", "name": "a\\u0000b"}'),
        ("many digits in a text", b'{"kind": "person", "name": "a", "custom": {"b": "89314404000123456789"}}'),
    ],
)
async def test_a_body_that_can_be_read_is_accepted(customers: ServiceUnderTest, case: str, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await customers.request("POST", "/v1/customers", content=content, headers=headers)
    assert response.status_code == 201, response.text
    customer = (await customers.get(f"/v1/customers/{response.json()['id']}")).json()
    assert customer["custom"] == json.loads(content).get("custom", {})


async def test_an_invalid_text_refuses_its_own_item_of_a_batch(customers: ServiceUnderTest) -> None:
    content = (
        b'{"items": [{"kind": "person", "name": "hello \\ud83d"}, {"kind": "person", "name": "\\u0000"},'
        b' {"kind": "person", "name": "a", "custom": {"b": "\\udead"}}, {"kind": "person", "name": "b"}]}'
    )
    headers = {"content-type": "application/json"}
    response = await customers.request("POST", "/v1/customers/batch", content=content, headers=headers)
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["created", "refused", "refused", "created"]
    problem = results[1]["problem"]
    assert problem["instance"] == "/v1/customers/batch#/items/1"
    assert len(problem["trace_id"]) == 32


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"content-type": "text/plain"}, "declared as text/plain"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "declared as gzip"),
        ({}, "Send Content-Type: application/json"),
    ],
)
async def test_another_media_type_or_coding_is_refused(
    customers: ServiceUnderTest, headers: dict[str, str], text: str
) -> None:
    answer = await customers.request("POST", "/v1/customers", content=b'{"kind": "person"}', headers=headers)
    assert text in assert_problem(answer, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize(("body", "status"), [({"points": 20}, 400), ([1], 400), ("x", 400), ({}, 404), (None, 404)])
async def test_a_body_that_the_operation_does_not_take_is_refused(
    loyalty: ServiceUnderTest, body: Any, status: int
) -> None:
    response = await loyalty.post(f"/v1/redemptions/{uuid7()}/capture", body, idempotency_key=str(uuid7()))
    assert_problem(response, status, "unexpected_body" if status == 400 else "not_found")
    response = await loyalty.request("GET", "/v1/programs", json=body)
    assert response.status_code == (400 if status == 400 else 200)


async def test_a_parameter_that_takes_one_value_is_sent_once(customers: ServiceUnderTest) -> None:
    response = await customers.request("GET", "/v1/customers?limit=1&limit=200")
    assert "limit" in assert_problem(response, 400, "repeated_parameter")["detail"]


@pytest.mark.parametrize(
    ("case", "fields", "pointer"),
    [
        ("an unknown field", {"tenant_id": str(uuid7())}, "/tenant_id"),
        ("a smuggled version", {"version": 7}, "/version"),
        ("a wrong type", {"name": 5}, "/name"),
        ("an unknown choice", {"lifecycle": "king"}, "/lifecycle"),
        ("a bad address", {"emails": [{"address": "a@example.com"}, {"address": "nobody"}]}, "/emails/1/address"),
        ("a bad number", {"phones": [{"number": "none"}]}, "/phones/0/number"),
        ("too many", {"tags": ["a"] * 201}, "/tags"),
        ("text for a number", {"addresses": [{"latitude": "52.1"}]}, "/addresses/0/latitude"),
        ("truth for a number", {"addresses": [{"longitude": True}]}, "/addresses/0/longitude"),
        ("a number for a day", {"birth_date": 86400}, "/birth_date"),
        ("a birth in the far future", {"birth_date": "3000-01-01"}, "/birth_date"),
    ],
)
async def test_a_wrong_field_is_pointed_to(
    customers: ServiceUnderTest, case: str, fields: dict[str, Any], pointer: str
) -> None:
    answer = await customers.post("/v1/customers", a_customer(**fields))
    problem = assert_problem(answer, 422, "validation_failed")
    assert [(error["in"], error["pointer"]) for error in problem["errors"]] == [("body", pointer)]


@pytest.mark.parametrize(
    ("case", "changes", "pointer"),
    [
        ("a float for money", {"lines": [{"sku": "a", "quantity": "1", "amount": 1.5}]}, "/lines/0/amount"),
        ("a whole number for money", {"lines": [{"sku": "a", "quantity": "1", "amount": 1}]}, "/lines/0/amount"),
        ("too many decimals", {"lines": [{"sku": "a", "quantity": "1", "amount": "1.005"}]}, "/lines/0/amount"),
        ("a negative quantity", {"lines": [{"sku": "a", "quantity": "-1", "amount": "1"}]}, "/lines/0/quantity"),
        ("a quantity of truth", {"lines": [{"sku": "a", "quantity": True, "amount": "1"}]}, "/lines/0/quantity"),
        ("no such currency", {"currency": "XYZ"}, "/currency"),
        ("no lines", {"lines": []}, "/lines"),
        ("no time zone", {"purchased_at": "2026-01-01T00:00:00"}, "/purchased_at"),
        ("before 1900", {"purchased_at": "1899-01-01T00:00:00Z"}, "/purchased_at"),
        ("no id", {"customer_id": "42"}, "/customer_id"),
    ],
)
async def test_a_wrong_figure_is_pointed_to(
    interactions: ServiceUnderTest, case: str, changes: dict[str, Any], pointer: str
) -> None:
    answer = await interactions.post("/v1/purchases", a_purchase(**changes))
    problem = assert_problem(answer, 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await interactions.published() == []


async def test_an_unknown_parameter_is_named(loyalty: ServiceUnderTest) -> None:
    problem = assert_problem(await loyalty.get("/v1/memberships", custmer_id="x"), 400, "unknown_parameter")
    assert problem["errors"][0]["pointer"] == "/custmer_id"


async def test_of_what_is_wrong_everywhere_a_hundred_things_are_told(interactions: ServiceUnderTest) -> None:
    """The response grows no faster than the request. Without the limit, an invalid body of 2 MB returned 17 MB."""
    wrong = {f"f{number}": number for number in range(1_000)}
    problem = assert_problem(await interactions.post("/v1/purchases", wrong), 422, "validation_failed")
    assert len(problem["errors"]) == 100
    batch = (await interactions.post("/v1/purchases/batch", {"items": [wrong] * 50})).json()["results"]
    assert [len(one["problem"]["errors"]) for one in batch] == [100] * 50
    problem = assert_problem(await interactions.get("/v1/waiting-refunds", **wrong), 400, "unknown_parameter")
    assert len(problem["errors"]) == 100


@pytest.mark.parametrize("path", ["/v1/customers/42", f"/v1/customers/{UUID(int=7)}"])
async def test_a_record_that_is_not_there_is_a_404(customers: ServiceUnderTest, path: str) -> None:
    assert_problem(await customers.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [("/v1/customers/", "/v1/customers"), ("/customers", "/v1/customers"), ("/v1/nothing", None)],
)
async def test_a_path_without_a_route_is_another_404(
    customers: ServiceUnderTest, path: str, suggestion: str | None
) -> None:
    problem = assert_problem(await customers.get(path), 404, "no_such_route")
    hint = f" Did you mean {suggestion}?" if suggestion else ""
    assert problem["detail"] == f"No route GET {path}.{hint}"


async def test_head_is_get_without_the_content(customers: ServiceUnderTest) -> None:
    created = (await customers.post("/v1/customers", a_customer())).json()
    record = f"/v1/customers/{created['id']}"
    for path in (record, "/v1/customers?limit=1", f"/v1/customers/{uuid7()}", "/v1/customers?x=1", "/health", "/v1/x"):
        read, head = [await customers.request(method, path) for method in ("GET", "HEAD")]
        assert (head.status_code, head.content) == (read.status_code, b""), path
        assert without_ids(head) == without_ids(read), path
    unchanged = await customers.request("HEAD", record, headers={"if-none-match": '"1"'})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, '"1"')


def without_ids(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "x-request-id"}


async def test_a_method_that_is_not_there_is_a_405(customers: ServiceUnderTest) -> None:
    assert_problem(await customers.request("DELETE", f"/v1/customers/{uuid7()}"), 405, "method_not_allowed")


async def test_one_bad_row_in_a_thousand_is_refused_and_the_rest_stand(interactions: ServiceUnderTest) -> None:
    items = [a_purchase() for _ in range(1_000)]
    items[617]["lines"][0]["quantity"] = "many"
    answer = await interactions.post("/v1/purchases/batch", {"items": items})
    results = answer.json()["results"]
    assert Counter(one["status"] for one in results) == {"created": 999, "refused": 1}
    assert [one["index"] for one in results] == list(range(1_000))
    assert results[617]["problem"]["errors"][0]["pointer"] == "/lines/0/quantity"
    assert len(await interactions.published()) == 999


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_batch_has_between_one_and_a_thousand_items(interactions: ServiceUnderTest, count: int) -> None:
    answer = await interactions.post("/v1/purchases/batch", {"items": [a_purchase()] * count})
    assert_problem(answer, 422, "validation_failed")


async def test_what_happened_must_fit_into_an_event(interactions: ServiceUnderTest) -> None:
    """The limit counts bytes. Kafka would reject a larger event forever, and the outbox would wait behind it."""
    wide = "\U0001f375" * 200
    lines = [{"sku": wide, "name": wide, "quantity": "1", "amount": "1.00"} for _ in range(700)]
    assert_problem(await interactions.post("/v1/purchases", a_purchase(lines=lines)), 413, "payload_too_large")
    assert await interactions.published() == []
