"""Requests: invalid input, callers, idempotency keys, versions and pages, tested on routes of the existing services."""

import asyncio
import json
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.core.identity import HEADER
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_program, a_purchase, a_rule, known_as
from tests.support.problems import assert_problem
from tests.support.requests import a_few_programs
from tests.support.service import ServiceUnderTest

# Invalid input


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


# Callers


async def test_a_request_past_the_gateway_is_refused(customers: ServiceUnderTest) -> None:
    answer = await customers.shared.client.get(f"/v1/customers/{uuid7()}")
    assert_problem(answer, 401, "unauthenticated")


async def test_a_missing_scope_is_named(customers: ServiceUnderTest) -> None:
    reader = customers.with_scopes("customers:read")
    problem = assert_problem(await reader.post("/v1/customers", a_customer()), 403, "missing_scope")
    assert problem["scope"] == "customers:write"


# Idempotency-Key


async def test_a_key_makes_a_request_safe_to_send_again(loyalty: ServiceUnderTest) -> None:
    first = await loyalty.post("/v1/programs", a_program(), idempotency_key="k1")
    again = await loyalty.post("/v1/programs", a_program(), idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    assert len((await loyalty.get("/v1/programs")).json()["items"]) == 1


async def test_a_key_with_another_body_is_refused(loyalty: ServiceUnderTest) -> None:
    await loyalty.post("/v1/programs", a_program(), idempotency_key='"quoted"')
    answer = await loyalty.post("/v1/programs", a_program(name="Other"), idempotency_key="quoted")
    assert_problem(answer, 422, "idempotency_key_reused")


async def test_a_key_with_a_body_that_cannot_be_read_is_refused_as_another_body(loyalty: ServiceUnderTest) -> None:
    """After an upgrade with stricter validation, a retry must not report that nothing has happened."""
    await loyalty.post("/v1/programs", a_program(), idempotency_key="k")
    answer = await loyalty.post("/v1/programs", {"name": 5}, idempotency_key="k")
    assert_problem(answer, 422, "idempotency_key_reused")
    assert_problem(await loyalty.post("/v1/programs", {"name": 5}, idempotency_key="new"), 422, "validation_failed")


@pytest.mark.parametrize(
    ("case", "wrong", "status"),
    [
        ("a field that its schema refuses", {"kind": "person", "given_name": ""}, 422),
        ("a field that a rule refuses", {"kind": "person", "phones": [{"number": "none"}]}, 422),
        ("a customer without any name", {"kind": "person"}, 422),
    ],
)
async def test_a_corrected_request_may_use_the_key_of_a_refused_one(
    customers: ServiceUnderTest, case: str, wrong: dict[str, Any], status: int
) -> None:
    refused = await customers.post("/v1/customers", wrong, idempotency_key="k")
    assert refused.status_code == status, refused.text
    assert (await customers.post("/v1/customers", a_customer(), idempotency_key="k")).status_code == 201


async def test_a_refusal_that_time_cures_is_not_kept(customers: ServiceUnderTest) -> None:
    path, later = f"/v1/customers/{uuid7()}", {"name": "Ada"}
    assert (await customers.patch(path, later, idempotency_key="k")).status_code == 404
    assert "idempotency-replayed" not in (await customers.patch(path, later, idempotency_key="k")).headers


async def test_equal_json_is_an_equal_body(customers: ServiceUnderTest) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "k"}
    first, second = b'{"kind":"person","name":"Ada"}', b'{ "name": "Ada",\n "kind": "person" }'
    created = await customers.request("POST", "/v1/customers", content=first, headers=headers)
    repeated = await customers.request("POST", "/v1/customers", content=second, headers=headers)
    assert (created.status_code, repeated.headers["idempotency-replayed"]) == (201, "true")
    assert repeated.json() == created.json()


async def test_of_equal_refusals_at_once_all_get_the_same_one(loyalty: ServiceUnderTest) -> None:
    program = (await loyalty.post("/v1/programs", a_program(enrolment="fee"))).json()
    body = {"program_id": program["id"], "customer_id": str(uuid7())}
    sent = (loyalty.post("/v1/memberships", body, idempotency_key="k") for _ in range(20))
    answers = [one for one in await asyncio.gather(*sent) if one.json()["code"] != "idempotency_key_in_flight"]
    assert {one.status_code for one in answers} == {409}
    assert len({one.content for one in answers}) == 1


async def test_a_key_belongs_to_its_path_its_principal_and_its_tenant(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    program = (await loyalty.post("/v1/programs", a_program(), idempotency_key="k")).json()
    rules = f"/v1/programs/{program['id']}/earning-rules"
    assert (await loyalty.post(rules, a_rule(), idempotency_key="k")).status_code == 201
    assert (await other.post("/v1/programs", a_program(), idempotency_key="k")).json()["id"] != program["id"]


async def test_a_business_refusal_is_replayed_also_when_its_cause_is_gone(loyalty: ServiceUnderTest) -> None:
    program = (await loyalty.post("/v1/programs", a_program(enrolment="fee"))).json()
    body = {"program_id": program["id"], "customer_id": str(uuid7())}
    first = await loyalty.post("/v1/memberships", body, idempotency_key="k")
    assert_problem(first, 409, "enrolment_not_open")
    await loyalty.rows("update program set enrolment = 'open'")
    again = await loyalty.post("/v1/memberships", body, idempotency_key="k")
    assert_problem(again, 409, "enrolment_not_open")
    assert again.headers["idempotency-replayed"] == "true"
    assert (await loyalty.post("/v1/memberships", body, idempotency_key="k2")).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
async def test_a_malformed_key_is_refused(loyalty: ServiceUnderTest, key: str) -> None:
    headers = {"idempotency-key": key.encode("latin-1")}
    answer = await loyalty.request("POST", "/v1/programs", json=a_program(), headers=headers)
    assert_problem(answer, 400, "idempotency_key_malformed")


async def test_fifty_equal_requests_with_one_key_have_one_effect(loyalty: ServiceUnderTest) -> None:
    body = a_program()
    answers = await asyncio.gather(*(loyalty.post("/v1/programs", body, idempotency_key="k") for _ in range(50)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}, statuses
    assert statuses[201] >= 1
    created = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_key_in_flight"}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 409)
    programs = (await loyalty.get("/v1/programs")).json()["items"]
    assert {one["id"] for one in programs} == created
    assert len(created) == 1
    assert (await loyalty.post("/v1/programs", body, idempotency_key="k")).json()["id"] in created


async def test_a_key_is_bound_to_the_query_too(customers: ServiceUnderTest) -> None:
    path = "/v1/customers/by-external-id?source=till&id="
    assert (await customers.put(f"{path}1", a_customer(), idempotency_key="k")).status_code == 201
    answer = await customers.put(f"{path}2", a_customer(), idempotency_key="k")
    assert_problem(answer, 422, "idempotency_key_reused")


async def test_what_happened_must_fit_into_an_event(interactions: ServiceUnderTest) -> None:
    """The limit counts bytes. Kafka would reject a larger event forever, and the outbox would wait behind it."""
    wide = "\U0001f375" * 200
    lines = [{"sku": wide, "name": wide, "quantity": "1", "amount": "1.00"} for _ in range(700)]
    assert_problem(await interactions.post("/v1/purchases", a_purchase(lines=lines)), 413, "payload_too_large")
    assert await interactions.published() == []


# Versions


async def test_of_fifty_changes_of_one_version_one_wins(customers: ServiceUnderTest) -> None:
    customer = (await customers.post("/v1/customers", a_customer())).json()
    path = f"/v1/customers/{customer['id']}"
    patches = (customers.patch(path, {"name": f"n{number}"}, if_match='"1"') for number in range(50))
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*patches))
    assert statuses == {200: 1, 412: 49}
    assert (await customers.get(path)).json()["version"] == 2


async def test_etags_say_what_a_caller_has_seen(customers: ServiceUnderTest) -> None:
    created = await customers.post("/v1/customers", a_customer())
    path = f"/v1/customers/{created.json()['id']}"
    assert created.headers["etag"] == '"1"'
    seen = await customers.request("GET", path, headers={"if-none-match": '"1"'})
    assert (seen.status_code, seen.content) == (304, b"")
    changed = await customers.patch(path, {"name": "Byron"}, if_match='"1"')
    assert changed.headers["etag"] == '"2"'
    assert_problem(await customers.patch(path, {"name": "King"}, if_match='"1"'), 412, "version_mismatch")
    problem = assert_problem(await customers.patch(path, {"name": "King"}, if_match="W/2"), 400, "malformed_request")
    assert problem["detail"] == 'an ETag in double quotes is expected, e.g. "1"'
    assert (await customers.request("GET", path, headers={"if-none-match": '"1"'})).status_code == 200


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ('"2"', 200),
        ("*", 200),
        ('"1", "2"', 200),
        ('W/"2"', 200),
        ('"1"', 412),
        ('W/"1"', 412),
        ('"9", "abc"', 412),
        ("2", 400),
        ('"2", 3', 400),
    ],
)
async def test_an_if_match_takes_lists_and_tags_that_a_proxy_has_weakened(
    customers: ServiceUnderTest, tags: str, status: int
) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    await customers.patch(path, {"name": "Byron"})  # version 2
    assert (await customers.patch(path, {"name": "King"}, if_match=tags)).status_code == status


async def test_an_if_match_over_several_lines_is_a_list(customers: ServiceUnderTest) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    lines = [("if-match", '"7"'), ("if-match", '"1"'), (HEADER, customers.signed())]
    answer = await customers.shared.client.patch(path, json={"name": "Byron"}, headers=lines)
    assert answer.status_code == 200


@pytest.mark.parametrize("tags", ['W/"1"', "*", '"7", "1"', '"7",W/"1"'])
async def test_an_if_none_match_that_names_the_version_gets_a_304(customers: ServiceUnderTest, tags: str) -> None:
    path = f"/v1/customers/{(await customers.post('/v1/customers', a_customer())).json()['id']}"
    seen = await customers.request("GET", path, headers={"if-none-match": tags})
    assert (seen.status_code, seen.content, seen.headers["etag"]) == (304, b"", '"1"')


async def test_only_a_resource_that_declares_an_etag_has_one(
    customers: ServiceUnderTest, analytics: ServiceUnderTest, loyalty: ServiceUnderTest
) -> None:
    """The version of a formula and the number of a rule's version are ordinary fields, not versions of a record."""
    customer = (await customers.post("/v1/customers", a_customer())).json()
    assert (await customers.get(f"/v1/customers/{customer['id']}")).headers["etag"] == f'"{customer["version"]}"'

    figures = {"average_value": "20.00", "purchases_per_period": "12", "periods": 5}
    value = await analytics.post("/v1/analytics/clv/simple", figures)
    assert (value.status_code, value.json()["version"]) == (200, "1")
    assert "etag" not in value.headers

    (program,) = await a_few_programs(loyalty, 1)
    rule = await loyalty.post(f"/v1/programs/{program}/earning-rules", a_rule())
    assert (rule.status_code, rule.json()["version"]) == (201, 1)
    assert "etag" not in rule.headers


# Pages


async def test_pages_meet_at_their_edges(loyalty: ServiceUnderTest) -> None:
    made = await a_few_programs(loyalty, 5)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await loyalty.get("/v1/programs", limit="2", **cursor)
        page = answer.json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert answer.headers["link"].endswith('rel="next"')
        cursor = {"cursor": page["next_cursor"]}
        await loyalty.post("/v1/programs", a_program(name="new"))  # concurrent inserts do not move page boundaries
        made = (
            made
            if len(made) > 6
            else [*made, (await loyalty.get("/v1/programs", limit="200")).json()["items"][-1]["id"]]
        )
    assert seen[:5] == made[:5]
    assert len(seen) == len(set(seen))


async def test_a_cursor_is_good_for_its_own_list_only(running_loyalty: ServiceUnderTest) -> None:
    loyalty, other = await running_loyalty.for_new_tenant(), await running_loyalty.for_new_tenant()
    await a_few_programs(loyalty, 2)
    cursor = (await loyalty.get("/v1/programs", limit="1")).json()["next_cursor"]
    assert (await loyalty.get("/v1/programs", limit="2", cursor=cursor)).status_code == 200
    for answer in (
        await other.get("/v1/programs", limit="1", cursor=cursor),
        await loyalty.get("/v1/memberships", cursor=cursor),
        await loyalty.get("/v1/memberships", cursor=cursor, customer_id=str(uuid7())),
        await loyalty.get("/v1/programs", cursor=cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        await loyalty.get("/v1/programs", cursor="é"),
        await loyalty.get("/v1/programs", cursor=""),
    ):
        assert_problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5"])
async def test_a_page_has_between_one_and_two_hundred_rows(loyalty: ServiceUnderTest, limit: str) -> None:
    problem = assert_problem(await loyalty.get("/v1/programs", limit=limit), 422, "validation_failed")
    assert [(one["in"], one["pointer"]) for one in problem["errors"]] == [("query", "/limit")]


# The audit


async def test_the_audit_tells_who_changed_what_from_what_to_what(customers: ServiceUnderTest) -> None:
    customer = (await customers.post("/v1/customers", a_customer(**known_as("1")))).json()
    await customers.patch(f"/v1/customers/{customer['id']}", {"given_name": "Augusta"})
    rows = await customers.rows("select * from chassis.audit where entity_id = $1 order by id", customer["id"])
    assert [(row["action"], row["actor"]) for row in rows] == [("created", "key:test"), ("updated", "key:test")]
    assert rows[1]["changes"] == {"given_name": ["Ada", "Augusta"]}
    assert rows[0]["changes"]["external_ids"] == [None, known_as("1")["external_ids"]]


# Memory


@pytest.mark.parametrize(("kind", "status"), [("person", 201), ("king", 422)])
async def test_a_scope_that_the_server_keeps_holds_nothing_of_the_transaction(
    customers: ServiceUnderTest, kind: str, status: int
) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await customers.shared.running.asgi(scope, receive, send)

    headers = {HEADER: customers.shared.signer.sign(customers.caller, "customers")}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.post("/v1/customers", json={"kind": kind, "name": "Ada"}, headers=headers)
    assert answer.status_code == status, answer.text
    (scope,) = scopes
    assert not [name for name, value in scope.items() if isinstance(value, (UnitOfWork, Transaction))]
