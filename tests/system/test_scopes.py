"""Scopes: every operation of the gateway's document accepts a valid key with its own scope, and no other caller."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.operations import Operation, operations
from tests.support.stack import RunningStack, Visitor, a_visitor, client_of

pytestmark = pytest.mark.generated

AT_ONCE = 16


@pytest.fixture(scope="module")
async def owner(stack: RunningStack) -> AsyncIterator[Visitor]:
    """Provide a tenant with a key of all scopes."""
    one = a_visitor(stack)
    yield one
    await one.close()


@pytest.fixture(scope="module")
async def offered(owner: Visitor) -> list[Operation]:
    """Return all operations of the gateway's document that require a scope."""
    document = (await owner.request("GET", "/openapi.json")).json()
    return [operation for operation in operations(document) if operation.scope is not None]


async def a_key(owner: Visitor, *scopes: str, **fields: Any) -> dict[str, Any]:
    answer = await owner.request("POST", "/v1/api-keys", json={"name": "k", "scopes": scopes, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def asked(stack: RunningStack, offered: list[Operation], authorization: str | None) -> list[httpx.Response]:
    """Return the response of each operation to a caller that has no id of a record."""
    headers = {} if authorization is None else {"authorization": authorization}
    turn = asyncio.Semaphore(AT_ONCE)
    async with client_of(stack, headers=headers) as client:

        async def one(operation: Operation) -> httpx.Response:
            async with turn:
                return await operation.send(client, str(uuid7()), str(uuid7()))

        return list(await asyncio.gather(*(one(operation) for operation in offered)))


async def test_each_scope_opens_its_own_operations_and_no_other(
    stack: RunningStack, owner: Visitor, offered: list[Operation]
) -> None:
    scopes = sorted({str(operation.scope) for operation in offered})
    for scope in scopes:
        key = (await a_key(owner, scope))["key"]
        answers = await asked(stack, offered, f"Bearer {key}")
        for operation, answer in zip(offered, answers, strict=True):
            if operation.scope == scope:
                assert answer.status_code not in (401, 403), f"{operation} by {scope}: {answer.text}"
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), f"{operation} by {scope}"
                assert answer.json()["scope"] == operation.scope
    assert len(scopes) > 10


async def test_all_scopes_but_its_own_do_not_open_an_operation(
    stack: RunningStack, owner: Visitor, offered: list[Operation]
) -> None:
    scopes = {str(operation.scope) for operation in offered}
    for missing in sorted(scopes):
        key = (await a_key(owner, *sorted(scopes - {missing})))["key"]
        needing = [operation for operation in offered if operation.scope == missing]
        answers = await asked(stack, needing, f"Bearer {key}")
        assert {answer.status_code for answer in answers} == {403}, missing


async def test_without_a_good_key_no_operation_opens(
    stack: RunningStack, owner: Visitor, offered: list[Operation]
) -> None:
    revoked, short = await a_key(owner, "customers:read"), datetime.now(UTC) + timedelta(seconds=1)
    assert (await owner.request("DELETE", f"/v1/api-keys/{revoked['id']}")).status_code == 204
    expired = await a_key(owner, "customers:read", expires_at=short.isoformat())
    good = owner.key
    callers = {
        "nobody": None,
        "no key": "Bearer",
        "another scheme": f"Basic {good}",
        "another secret": f"Bearer {good[:-4]}AAAA",
        "another key's id": f"Bearer {good.replace(good.split('_')[2], revoked['id'].replace('-', ''))}",
        "another kind": f"Bearer {good.replace('rap_live', 'rap_sandbox')}",
        "a key and more": f"Bearer {good} {good}",
        "revoked": f"Bearer {revoked['key']}",
    }
    for caller, authorization in callers.items():
        for operation, answer in zip(offered, await asked(stack, offered, authorization), strict=True):
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), f"{operation}: {caller}"
    await asyncio.sleep(max((short - datetime.now(UTC)).total_seconds(), 0) + 0.1)
    answers = await asked(stack, offered, f"Bearer {expired['key']}")
    assert {answer.status_code for answer in answers} == {401}


async def test_what_the_document_says_of_scopes_is_what_the_keys_may_hold(
    stack: RunningStack, owner: Visitor, offered: list[Operation]
) -> None:
    (mine,) = (await owner.request("GET", "/v1/api-keys")).json()["items"][:1]
    assert mine["scopes"] == sorted({str(operation.scope) for operation in offered})
    beyond = await owner.request("POST", "/v1/api-keys", json={"name": "k", "scopes": ["everything"]})
    assert beyond.status_code == 403
