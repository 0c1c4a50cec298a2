"""What holds of every operation of the four services, taken from their OpenAPI documents: a new one is tested too.

Another tenant's id is answered as one that does not exist, byte for byte; and an operation takes its own scope and no
other.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from chassis.ids import uuid7
from chassis.openapi import document_of
from tests.service.loyalty.test_points import a_running_program, membership_of
from tests.support.facts import a_customer, a_purchase, a_rule, bought
from tests.support.service import ServiceUnderTest

SERVICES = ("customers", "interactions", "loyalty", "analytics")
NO_RECORD = ("timelines", "shopping-histories", "analytics")
"""These answer for a customer that nobody has told them of: with nothing."""

BODIES: dict[str, Any] = {
    "PATCH /v1/customers/{id}": {"occupation": "poet"},
    "POST /v1/customers/{id}/consents": {
        "purpose": "newsletter",
        "channel": "email",
        "decision": "granted",
        "source": "form",
    },
    "POST /v1/purchases/{id}/refunds": {
        "source": "till",
        "source_id": "r",
        "refunded_at": "2026-03-02T10:00:00Z",
        "amount": "1.00",
    },
    "POST /v1/programs/{id}/earning-rules": a_rule(),
    "POST /v1/programs/{id}/earning-rules/{rule_id}/versions": {"points": 2, "per": "1.00"},
    "POST /v1/memberships/{id}/redemptions": {"points": 1, "mode": "reserve"},
    "POST /v1/memberships/{id}/adjustments": {"points": 1, "reason": "sorry"},
}
"""What is sent to operations on one record: valid, so that only the record can be missing."""
QUERIES = {"GET /v1/customers/{id}/may-contact": {"purpose": "newsletter", "channel": "email"}}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> ServiceUnderTest:
    found: ServiceUnderTest = request.getfixturevalue(f"running_{request.param}")
    return found


def operations(service: ServiceUnderTest) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    for path, methods in document_of(service.service.app, service.service.name)["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


async def a_customers_id(service: ServiceUnderTest) -> dict[str, str]:
    made = await service.post("/v1/customers", a_customer())
    return {"customers": made.json()["id"]}


async def ids_of_interactions(service: ServiceUnderTest) -> dict[str, str]:
    purchase = await service.post("/v1/purchases", a_purchase())
    touch_point = {
        "customer_id": str(uuid7()),
        "source": "phone",
        "source_id": "1",
        "channel": "phone",
        "direction": "inbound",
        "occurred_at": "2026-03-01T10:00:00Z",
    }
    made = await service.post("/v1/touch-points", touch_point)
    return {"purchases": purchase.json()["id"], "touch-points": made.json()["id"]}


async def ids_of_loyalty(service: ServiceUnderTest) -> dict[str, str]:
    program, customer = await a_running_program(service), uuid7()
    await service.deliver(bought("10.00", customer))
    membership = await membership_of(service, customer)
    assert membership is not None
    path = f"/v1/memberships/{membership['id']}/redemptions"
    held = await service.post(path, {"points": 1, "mode": "reserve"}, idempotency_key="held")
    rules = (await service.get(f"/v1/programs/{program}/earning-rules")).json()["items"]
    return {
        "programs": program,
        "memberships": membership["id"],
        "redemptions": held.json()["id"],
        "rule_id": rules[0]["id"],
    }


async def ids_of_analytics(_: ServiceUnderTest) -> dict[str, str]:
    return {}


IDS: dict[str, Callable[[ServiceUnderTest], Awaitable[dict[str, str]]]] = {
    "customers": a_customers_id,
    "interactions": ids_of_interactions,
    "loyalty": ids_of_loyalty,
    "analytics": ids_of_analytics,
}


def filled(path: str, id: str, rule_id: str = "") -> str:
    """A path with its ids."""
    return re.sub(r"\{\w+\}", id, path.replace("{rule_id}", rule_id))


async def send(service: ServiceUnderTest, method: str, path: str, id: str, rule_id: str) -> httpx.Response:
    operation = f"{method} {path}"
    body = BODIES.get(operation)
    return await service.request(
        method,
        filled(path, id, rule_id),
        params=QUERIES.get(operation),
        headers={"idempotency-key": str(uuid7())} if method != "GET" else None,
        **({} if body is None else {"json": body}),
    )


def without_what_differs(answer: httpx.Response, *ids: str) -> str:
    """A problem without its trace and the ids that were asked for."""
    text = answer.text.replace(answer.json()["trace_id"], "")
    for id in ids:
        text = text.replace(id, "")
    return text


async def test_another_tenants_record_is_answered_as_one_that_does_not_exist(service: ServiceUnderTest) -> None:
    owner, other = await service.for_new_tenant(), await service.for_new_tenant()
    ids = await IDS[service.service.name](owner)
    for method, path, _ in operations(service):
        kind = path.split("/")[2]
        if "{" not in path or kind in NO_RECORD:
            continue
        assert kind in ids, f"{path}: say in this file how one is made"
        asked, rule = (ids[kind], ids.get("rule_id", "")), str(uuid7())
        unknown = (str(uuid7()), rule)
        mine, theirs, nobodys = (
            await send(owner, method, path, *asked),
            await send(other, method, path, *asked),
            await send(other, method, path, *unknown),
        )
        assert mine.status_code < 400 or mine.status_code == 409, f"{method} {path}: {mine.text}"
        assert (theirs.status_code, nobodys.status_code) == (404, 404), f"{method} {path}: {theirs.text}"
        assert without_what_differs(theirs, *asked) == without_what_differs(nobodys, *unknown), f"{method} {path}"
        assert {name for name in theirs.headers if name != "content-length"} == set(nobodys.headers) - {
            "content-length"
        }


async def test_lists_and_figures_of_another_tenant_show_nothing_of_it(service: ServiceUnderTest) -> None:
    owner, other = await service.for_new_tenant(), await service.for_new_tenant()
    ids = await IDS[service.service.name](owner)
    for method, path, described in operations(service):
        required = [one for one in described.get("parameters", []) if one.get("required")]
        if method != "GET" or "{" in path or required:
            continue
        answer = await other.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert not [id for id in ids.values() if id in answer.text], path
        assert answer.json().get("items", []) == [], path


async def test_an_operation_takes_its_own_scope_and_no_other(service: ServiceUnderTest) -> None:
    tenant = await service.for_new_tenant()
    for method, path, described in operations(service):
        (needed,) = described["security"][0]["api_key"]
        wrong = await send(tenant.with_scopes(*(tenant.scopes - {needed})), method, path, str(uuid7()), str(uuid7()))
        assert (wrong.status_code, wrong.json()["code"]) == (403, "missing_scope"), f"{method} {path}"
        right = await send(tenant.with_scopes(needed), method, path, str(uuid7()), str(uuid7()))
        assert right.status_code not in (401, 403), f"{method} {path}"
        nobody = await service.shared.client.request(method, filled(path, str(uuid7()), str(uuid7())))
        assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated"), f"{method} {path}"


async def test_a_method_that_is_not_there_is_refused_with_those_that_are(service: ServiceUnderTest) -> None:
    known: dict[str, set[str]] = {}
    for method, path, _ in operations(service):
        known.setdefault(path, set()).add(method)
    for path, methods in known.items():
        for method in ("OPTIONS", "TRACE", "DELETE", "BREW"):
            if method not in methods:
                answer = await service.request(method, filled(path, str(uuid7()), str(uuid7())))
                assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), f"{method} {path}"
                assert set(answer.headers["allow"].split(", ")) == methods, f"{method} {path}"


async def test_a_nul_in_any_parameter_is_refused(service: ServiceUnderTest) -> None:
    """PostgreSQL knows no text with one, so it must not get that far."""
    for method, path, described in operations(service):
        for parameter in described.get("parameters", []):
            if parameter["in"] == "query":
                asked = {"params": {**QUERIES.get(f"{method} {path}", {}), parameter["name"]: "a\0b"}}
                body = {"json": a_customer()} if method == "PUT" else {}
                answer = await service.request(method, filled(path, str(uuid7())), **asked, **body)
                assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), f"{path} {parameter}"
