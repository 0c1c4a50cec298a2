"""Customers' tokens over every operation of the four services: nothing of another customer, and refusal by default.

The operations are read from the OpenAPI documents, so that each new one is tested.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_purchase
from tests.support.interactions import a_touch_point
from tests.support.operations import BODIES, Operation
from tests.support.records import RECORDS, made
from tests.support.requests import COLLECTIONS, PARAMETERS, operations_of
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated


def open_to_customers(service: ServiceUnderTest) -> Iterator[tuple[Operation, str, str]]:
    """Yield the operations that customers may call, and where each names the customer."""
    for operation in operations_of(service):
        if access := operation.described.get("x-owner"):
            place, _, name = access.partition(":")
            yield operation, place, name


async def owner_of(service: ServiceUnderTest, ids: dict[str, str]) -> UUID:
    """Return the customer to whom records belong."""
    for kind, id in ids.items():
        record = await service.get(f"/v1/{kind}/{id}")
        if record.status_code == 200 and (kind == "customers" or "customer_id" in record.json()):
            return UUID(record.json().get("customer_id", id))
    return uuid7()


async def send_for(
    client: ServiceUnderTest, operation: Operation, id: str, query: dict[str, Any], body: dict[str, Any]
) -> Any:
    """Send an operation with additional values in its query and body."""
    known = (BODIES | COLLECTIONS).get(str(operation))
    options: dict[str, Any] = {}
    if known is not None:
        options = {"content": known} if isinstance(known, bytes) else {"json": known | body}
    params = PARAMETERS.get(str(operation), {}) | query
    headers = {"idempotency-key": str(uuid7())} if operation.method != "GET" else {}
    return await client.request(
        operation.method, operation.at(id, str(uuid7())), params=params, headers=headers, **options
    )


async def test_a_customer_gets_nothing_of_another_customer(service: ServiceUnderTest) -> None:
    # given records of a customer, and another customer with every scope
    ids = await RECORDS[service.service.name](service)
    owner = await owner_of(service, ids)
    thief = service.for_customer(uuid7())
    open_operations = {str(operation): (place, name) for operation, place, name in open_to_customers(service)}

    # when the other customer calls every operation for these records
    for operation in operations_of(service):
        id = ids.get(operation.kind, str(owner))
        place, name = open_operations.get(str(operation), ("", ""))
        value = {name: str(owner)}
        response = await send_for(
            thief, operation, id, value if place == "query" else {}, value if place == "body" else {}
        )

        # then it is refused, and an operation that says nothing about customers is refused in general
        code = response.json()["code"]
        assert (response.status_code, code) in ((403, "owner_access_denied"), (404, "not_found")), operation
        if not place:
            assert code == "owner_access_denied", operation
        if place == "record":
            unknown = await send_for(thief, operation, missing := str(uuid7()), {}, {})
            assert unknown.json()["detail"].replace(missing, "") == response.json()["detail"].replace(id, "")


async def test_a_list_is_refused_unless_it_names_the_customer(service: ServiceUnderTest) -> None:
    thief = service.for_customer(uuid7())
    for operation, place, name in open_to_customers(service):
        if place == "query":
            for query in ({}, {name: ""}, {name: str(uuid7())}, {name: str(thief.customer).replace("-", "")}):
                response = await send_for(thief, operation, "", query, {})
                assert (response.status_code, response.json()["code"]) == (403, "owner_access_denied"), operation
            twice = await thief.request("GET", f"{operation.path}?{name}={uuid7()}&{name}={thief.customer}")
            assert twice.status_code == 400, operation


async def test_a_customer_reads_and_changes_what_is_his_or_her_own(service: ServiceUnderTest) -> None:
    # given the records of two customers
    ids = await RECORDS[service.service.name](service)
    others = await RECORDS[service.service.name](service)
    owner = await owner_of(service, ids)
    customer = service.for_customer(owner)

    # when a customer calls the operations that are open to customers
    for operation, place, name in open_to_customers(service):
        id = ids.get(operation.kind, str(owner))
        value = {name: str(owner)}
        named = {"program_id": ids["programs"]} if operation.kind == "memberships" else {}
        body = named | value if place == "body" else {}
        response = await send_for(customer, operation, id, value if place == "query" else {}, body)

        # then each succeeds, and shows nothing of the other customer
        assert response.is_success, f"{operation}: {response.text}"
        assert not [other for other in others.values() if other in response.text], operation


async def test_a_scope_is_required_of_customers_too(service: ServiceUnderTest) -> None:
    customer = service.for_customer(uuid7(), "none:such")
    for operation, _, _ in open_to_customers(service):
        response = await send_for(customer, operation, str(customer.customer), {}, {})
        assert (response.status_code, response.json()["code"]) == (403, "missing_scope"), operation


async def test_a_customer_changes_his_or_her_own_fields_only(customers: ServiceUnderTest) -> None:
    id = (await RECORDS["customers"](customers))["customers"]
    customer = customers.for_customer(UUID(id))
    path = f"/v1/customers/{id}"

    assert (await customer.patch(path, {"given_name": "Ada", "emails": []})).status_code == 200
    for field, value in {
        "tags": ["vip"],
        "lifecycle": "client",
        "external_ids": [],
        "custom": {},
        "kind": None,
    }.items():
        refused = await customer.patch(path, {"given_name": "Eve", field: value})
        assert (refused.status_code, refused.json()["code"]) == (403, "owner_access_denied")
        assert field in refused.json()["detail"]
    assert (await customers.get(path)).json()["given_name"] == "Ada"


async def test_a_customer_does_not_see_what_the_tenant_paid(interactions: ServiceUnderTest) -> None:
    line = {"sku": "1", "quantity": "1", "unit_price": "10.00", "unit_cost": "4.00"}
    purchase = await made(interactions, "/v1/purchases", a_purchase(str(owner := uuid7()), lines=[line]))
    customer = interactions.for_customer(owner)

    (item,) = (await customer.get("/v1/purchases", customer_id=str(owner))).json()["items"]
    single = await customer.get(f"/v1/purchases/{purchase['id']}")

    assert purchase["lines"][0]["unit_cost"] == "4.00"
    assert item["lines"][0]["unit_cost"] is single.json()["lines"][0]["unit_cost"] is None
    assert int(single.headers["content-length"]) == len(single.content)


async def test_a_timeline_has_the_customers_own_entries(interactions: ServiceUnderTest) -> None:
    owner, other = uuid7(), uuid7()
    for customer in (owner, other):
        await made(interactions, "/v1/touch-points", a_touch_point(str(customer), source_id=str(customer)))

    entries = (await interactions.for_customer(owner).get(f"/v1/timelines/{owner}")).json()["items"]
    assert len(entries) == 1


async def test_a_repeated_key_of_a_customer_replays_only_that_customers_response(customers: ServiceUnderTest) -> None:
    first, second = [UUID((await RECORDS["customers"](customers))["customers"]) for _ in range(2)]
    headers = {"idempotency-key": "the-same"}
    for id in (first, second):
        response = await customers.for_customer(id).request(
            "PATCH", f"/v1/customers/{id}", json={"occupation": "poet"}, headers=headers
        )
        assert response.json().get("id") == str(id), response.text
