"""Every operation of the four services: isolation, scopes and errors. New operations are tested automatically.

The operations are read from the OpenAPI documents. The response for another tenant's id equals that for a missing id,
byte for byte. An operation accepts only its own scope.
"""

from typing import Any

import httpx
import pytest

from chassis.http.unmatched import fits
from chassis.types.ids import uuid7
from tests.support.examples import REFUSED_BY_STATE, responses_to_examples
from tests.support.facts import a_customer, a_purchase
from tests.support.interactions import a_status
from tests.support.operations import BODIES, NO_RECORD, QUERIES, Operation, without_what_differs
from tests.support.records import RECORDS
from tests.support.requests import IN_EVENTS_ALONE, PARAMETERS, operations_of
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated


async def test_another_tenants_record_is_answered_as_one_that_does_not_exist(service: ServiceUnderTest) -> None:
    owner, other = await service.for_new_tenant(), await service.for_new_tenant()
    ids = await RECORDS[service.service.name](owner)
    for operation in operations_of(service):
        kind = operation.kind
        if not operation.is_on_a_record or kind in (*NO_RECORD, *IN_EVENTS_ALONE):
            continue
        assert kind in ids, f"{operation}: add a record to tests/support/records.py"
        asked, rule = (ids[kind], ids.get("rule_id", "")), str(uuid7())
        unknown = (str(uuid7()), rule)
        mine, theirs, nobodys = (
            await operation.send(owner, *asked, records=ids),
            await operation.send(other, *asked, records=ids),
            await operation.send(other, *unknown, records=ids),
        )
        assert mine.status_code < 400 or mine.status_code == 409, f"{operation}: {mine.text}"
        assert (theirs.status_code, nobodys.status_code) == (404, 404), f"{operation}: {theirs.text}"
        assert without_what_differs(theirs, *asked) == without_what_differs(nobodys, *unknown), operation
        assert {name for name in theirs.headers if name != "content-length"} == set(nobodys.headers) - {
            "content-length"
        }


async def test_lists_and_figures_of_another_tenant_show_nothing_of_it(service: ServiceUnderTest) -> None:
    owner, other = await service.for_new_tenant(), await service.for_new_tenant()
    ids = await RECORDS[service.service.name](owner)
    for operation in operations_of(service):
        if operation.method != "GET" or operation.is_on_a_record or operation.needs_parameters:
            continue
        answer = await other.get(operation.path, **QUERIES.get(str(operation), {}))
        assert answer.status_code == 200, f"{operation}: {answer.text}"
        assert not [id for id in ids.values() if id in answer.text], operation
        assert answer.json().get("items", []) == [], operation


async def test_an_operation_takes_its_own_scope_and_no_other(service: ServiceUnderTest) -> None:
    tenant = await service.for_new_tenant()
    for operation in operations_of(service):
        if operation.is_public:
            continue
        needed, ids = str(operation.scope), (str(uuid7()), str(uuid7()))
        wrong = await operation.send(tenant.with_scopes(*(tenant.scopes - {needed})), *ids)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "missing_scope"), operation
        right = await operation.send(tenant.with_scopes(needed), *ids)
        assert right.status_code not in (401, 403), operation
        nobody = await service.shared.client.request(operation.method, operation.at(*ids))
        assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated"), operation


async def test_every_example_of_a_body_is_accepted(service: ServiceUnderTest) -> None:
    tenant = await service.for_new_tenant()
    responses = await responses_to_examples(tenant, service.service.openapi())
    for name in [name for name in responses if name.startswith("POST /v1/deselections/{id}/")]:
        assert responses.pop(name).status_code in (200, 409), name  # another person than the proposer decides
    refused = {name: response for name, response in responses.items() if not response.is_success}
    assert {
        name: each.text for name, each in refused.items() if each.json()["code"] != REFUSED_BY_STATE.get(name)
    } == {}
    assert not [name for name, response in responses.items() if '"status":"refused"' in response.text]


async def test_a_method_that_is_not_there_is_refused_with_those_that_are(service: ServiceUnderTest) -> None:
    known: dict[str, set[str]] = {}
    for operation in operations_of(service):
        methods = {operation.method, "HEAD"} if operation.method == "GET" else {operation.method}
        known.setdefault(operation.path, set()).update(methods)
    for path, methods in known.items():
        for method in {"OPTIONS", "TRACE", "DELETE", "BREW"} - methods:
            asked = Operation(method, path, {}).at(str(uuid7()), str(uuid7()))
            answer = await service.request(method, asked)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), f"{method} {path}"
            assert set(answer.headers["allow"].split(", ")) == methods, f"{method} {path}"


async def test_head_is_get_without_the_content(service: ServiceUnderTest) -> None:
    owner = await service.for_new_tenant()
    ids = await RECORDS[service.service.name](owner)
    for operation in operations_of(service):
        if operation.method == "GET":
            asked = operation.at(ids.get(operation.kind, str(uuid7())), ids.get("rule_id", ""))
            query = QUERIES.get(str(operation))
            read, head = [await owner.request(method, asked, params=query) for method in ("GET", "HEAD")]
            assert (head.status_code, head.content) == (read.status_code, b""), operation
            assert head.headers.items() - read.headers.items() <= {("x-request-id", head.headers["x-request-id"])}
            assert head.headers["content-length"] == read.headers["content-length"], operation


class Listener:
    """A tenant's client that keeps the responses of requests that have created a record."""

    def __init__(self, tenant: ServiceUnderTest) -> None:
        self._tenant = tenant
        self.created: list[tuple[str, str, httpx.Response]] = []

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = await self._tenant.request(method, path, **options)
        if response.status_code == 201:
            self.created.append((method, path, response))
        return response


async def test_a_new_record_is_read_at_its_location(service: ServiceUnderTest) -> None:
    tenant = await service.for_new_tenant()
    listener = Listener(tenant)
    ids = await RECORDS[service.service.name](listener)
    for operation in operations_of(service):
        if operation.method not in ("GET", "DELETE") and operation.is_on_a_record and operation.kind in ids:
            await operation.send(listener, ids[operation.kind], ids.get("rule_id", ""), records=ids)
    if service.service.name == "customers":
        await listener.request("PUT", "/v1/customers/by-external-id?source=till&id=1", json=a_customer())
    if service.service.name == "interactions":
        purchase = (await tenant.post("/v1/purchases", a_purchase())).json()
        body = BODIES["POST /v1/purchases/{id}/refunds"] | {"source_id": "of a purchase by its source"}
        body["purchase"] = {name: purchase[name] for name in ("source", "source_id")}
        await listener.request("POST", "/v1/refunds", json=body)
        await listener.request("POST", "/v1/purchase-status-changes", json=a_status() | {"purchase": body["purchase"]})
    creating = {str(each): each for each in operations_of(service) if "201" in each.described["responses"]}
    for method, path, response in listener.created:
        (operation,) = (
            o for o in operations_of(service) if o.method == method and fits(path.partition("?")[0], o.path)
        )
        creating.pop(str(operation), None)
        location = response.headers.get("location")
        assert ("Location" in operation.described["responses"]["201"]["headers"]) == (location is not None), operation
        if location is not None:
            read = await tenant.get(location)
            assert read.status_code == 200, operation
            assert response.json()["id"] == read.json()["id"] or read.json()["merged_into"], operation
    assert list(creating) == [], "add a record to tests/support/records.py or a body to tests/support/operations.py"


async def test_a_nul_in_any_parameter_is_refused(service: ServiceUnderTest) -> None:
    """PostgreSQL cannot store a NUL in text, so the request must be rejected before the database."""
    for operation in operations_of(service):
        for parameter in operation.described.get("parameters", []):
            if parameter["in"] == "query":
                asked = {"params": {**QUERIES.get(str(operation), {}), parameter["name"]: "a\0b"}}
                body = {"json": a_customer()} if operation.method == "PUT" else {}
                answer = await service.request(operation.method, operation.at(str(uuid7())), **asked, **body)
                assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), operation


async def test_a_body_that_an_operation_does_not_take_is_refused(service: ServiceUnderTest) -> None:
    for operation in operations_of(service):
        if "requestBody" not in operation.described:
            headers = {"idempotency-key": str(uuid7())}
            asked = operation.at(str(uuid7()), str(uuid7()))
            response = await service.request(operation.method, asked, json={"points": 1}, headers=headers)
            assert (response.status_code, response.json()["code"]) == (400, "unexpected_body"), operation


async def test_a_name_that_occurs_twice_in_a_body_is_refused(service: ServiceUnderTest) -> None:
    headers = {"content-type": "application/json", "idempotency-key": str(uuid7())}
    for operation in operations_of(service):
        if operation.takes_json:
            params = PARAMETERS.get(str(operation))
            asked, content = operation.at(str(uuid7()), str(uuid7())), b'{"items": [{"a": 1, "a": 2}]}'
            response = await service.request(operation.method, asked, content=content, headers=headers, params=params)
            assert (response.status_code, response.json()["code"]) == (400, "malformed_request"), operation
            assert "twice" in response.json()["detail"], operation


def is_a_prefix(parameter: dict[str, Any]) -> bool:
    """Return whether a parameter describes all parameters that begin with its name."""
    return bool(parameter["schema"].get("type") == "object")


async def test_a_parameter_that_takes_one_value_is_refused_twice(service: ServiceUnderTest) -> None:
    for operation in operations_of(service):
        for parameter in operation.described.get("parameters", []):
            schema = parameter["schema"]
            takes_several = "array" in {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", []))}
            if parameter["in"] == "query" and not takes_several and not is_a_prefix(parameter):
                asked = operation.at(str(uuid7())) + f"?{parameter['name']}=a&{parameter['name']}=b"
                body = {"json": a_customer()} if operation.method == "PUT" else {}
                response = await service.request(operation.method, asked, **body)
                assert (response.status_code, response.json()["code"]) == (400, "repeated_parameter"), f"{asked}"


async def test_a_misspelt_parameter_gets_the_closest(service: ServiceUnderTest) -> None:
    for operation in operations_of(service):
        for parameter in operation.described.get("parameters", []):
            name = parameter["name"]
            if parameter["in"] == "query" and len(name) > 4 and not is_a_prefix(parameter):
                body = {"json": a_customer()} if operation.method == "PUT" else {}
                response = await service.request(operation.method, operation.at(str(uuid7())) + f"?{name}s=1", **body)
                (error,) = response.json()["errors"]
                assert error["code"] == "unknown_parameter", operation
                assert "did you mean" in error["detail"], f"{operation} {name}"
