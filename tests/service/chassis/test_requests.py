"""Requests: their callers, their entries in the audit log, and the memory that they leave behind."""

from typing import Any

import httpx
import pytest

from chassis.core.identity import HEADER
from chassis.db.transaction import Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.problems import assert_problem
from tests.support.service import ServiceUnderTest


async def test_a_request_past_the_gateway_is_refused(customers: ServiceUnderTest) -> None:
    answer = await customers.shared.client.get(f"/v1/customers/{uuid7()}")
    assert_problem(answer, 401, "unauthenticated")


async def test_a_missing_scope_is_named(customers: ServiceUnderTest) -> None:
    reader = customers.with_scopes("customers:read")
    problem = assert_problem(await reader.post("/v1/customers", a_customer()), 403, "missing_scope")
    assert problem["scope"] == "customers:write"


async def test_the_audit_tells_who_changed_what_from_what_to_what(customers: ServiceUnderTest) -> None:
    customer = (await customers.post("/v1/customers", a_customer(**known_as("1")))).json()
    await customers.patch(f"/v1/customers/{customer['id']}", {"given_name": "Augusta"})
    rows = await customers.rows("select * from chassis.audit where entity_id = $1 order by id", customer["id"])
    assert [(row["action"], row["actor"]) for row in rows] == [("created", "key:test"), ("updated", "key:test")]
    assert rows[1]["changes"] == {"given_name": ["Ada", "Augusta"]}
    assert rows[0]["changes"]["external_ids"] == [None, known_as("1")["external_ids"]]


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
