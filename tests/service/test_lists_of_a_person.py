"""Lists of one person's records can find them by an index. Every such operation is tested, new ones included.

Under row-level security an index serves leakproof conditions alone. With any other, a list reads the records of the
whole tenant, and no test with few records notices it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.operations import Operation
from tests.support.requests import operations_of
from tests.support.round_trips import statements
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.generated
COMPUTED = "customer_id = COALESCE("
"""A comparison with an expression. One with the result of a subquery can be that of an index."""


def of_a_person(operation: Operation) -> tuple[str, dict[str, str]] | None:
    """Return the path and the parameters of a list of one person's records, or None if it is none."""
    person = str(uuid7())
    if operation.method != "GET":
        return None
    if "{customer_id}" in operation.path:
        return operation.path.replace("{customer_id}", person), {}
    named = {one.get("name") for one in operation.described.get("parameters", [])}
    return (operation.path, {"customer_id": person}) if "customer_id" in named else None


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, list):
        for item in plan:
            yield from nodes(item)
    elif isinstance(plan, dict):
        yield plan
        for value in plan.values():
            yield from nodes(value)


async def plan_of(service: ServiceUnderTest, query: str, *args: Any) -> Any:
    """Return the plan of a query that avoids to read whole tables."""
    async with service.shared.running.pool.acquire() as connection, connection.transaction():
        await connection.execute("select set_config('app.tenant', $1, true)", str(service.tenant.id))
        await connection.execute("set local enable_seqscan = off")
        return await connection.fetchval(f"explain (format json) {query}", *args)


async def test_a_list_of_one_persons_records_does_not_read_those_of_all(service: ServiceUnderTest) -> None:
    for operation in operations_of(service):
        if (request := of_a_person(operation)) is None:
            continue
        path, parameters = request
        with statements() as sent:
            await service.get(path, **parameters)
        read = [(query, args) for name, query, args in sent if name in ("fetch", "fetchrow") and "customer_id" in query]
        for query, args in read:
            for node in nodes(await plan_of(service, query, *args)):
                assert COMPUTED not in node.get("Filter", ""), f"{operation}: {node}"
