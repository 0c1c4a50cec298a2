"""Suspension and deletion of a tenant by the commands, in the running system."""

import asyncio
import time
from uuid import UUID

from local import PROCESSES
from tests.support.commands import run
from tests.support.patience import PATIENCE_SECONDS
from tests.support.records import RECORDS
from tests.support.stack import RunningStack, Visitor, a_visitor


async def rows_of(stack: RunningStack, tenant: UUID) -> dict[str, int]:
    """Return the number of the tenant's rows in every table of every service."""
    counts: dict[str, int] = {}
    for service in PROCESSES:
        tables = await stack.rows(
            service,
            "select attrelid::regclass::text as name from pg_attribute join pg_class on pg_class.oid = attrelid "
            "where attname = 'tenant_id' and relkind in ('r', 'p') and relname <> 'deleted_tenant'",
        )
        for table in tables:
            statement = f"select count(*) as rows from {table['name']} where tenant_id = $1"
            (row,) = await stack.rows(service, statement, tenant)
            counts[f"{service}: {table['name']}"] = row["rows"]
    return {table: count for table, count in counts.items() if count}


async def tenant_of(visitor: Visitor) -> UUID:
    (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    return UUID(tenant["id"])


async def until_status(visitor: Visitor, path: str, status: int) -> float:
    """Send requests until one gets this status, and return the seconds that it took."""
    started = time.monotonic()
    while (await visitor.request("GET", path)).status_code != status:
        assert time.monotonic() - started < 10, path
        await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_a_suspended_tenant_is_refused_and_its_events_flow(stack: RunningStack, visitor: Visitor) -> None:
    tenant, other = await tenant_of(visitor), a_visitor(stack)
    for make in RECORDS.values():
        await make(visitor)
    stack.command("tenants", "suspend", str(tenant))
    for path in ("/v1/customers", "/v1/programs", "/v1/tenants", "/v1/status"):
        assert await until_status(visitor, path, 403) < 1
    assert (await visitor.request("GET", "/v1/customers")).json()["code"] == "tenant_suspended"
    assert (await other.request("GET", "/v1/customers")).status_code == 200
    await other.drained()
    pending = "select 1 from chassis.outbox where tenant_id = $1"
    assert [await stack.rows(service, pending, tenant) for service in PROCESSES] == [[]] * 5
    stack.command("tenants", "resume", str(tenant))
    assert await until_status(visitor, "/v1/customers", 200) < 1
    await other.close()


async def test_a_deleted_tenant_leaves_no_row_in_any_service(stack: RunningStack, visitor: Visitor) -> None:
    other = a_visitor(stack)
    tenant, neighbour = await tenant_of(visitor), await tenant_of(other)
    for shop in (visitor, other):
        for make in RECORDS.values():
            await make(shop)
        await shop.drained()
    kept = await rows_of(stack, neighbour)
    unconfirmed = run(("tenants", "delete", str(tenant)), stack.data_dir.root)
    too_early = run(("tenants", "delete", str(tenant), "--yes"), stack.data_dir.root)
    assert (unconfirmed.code, too_early.code) == (2, 1)
    assert "--now" in too_early.errors
    stack.command("tenants", "delete", str(tenant), "--yes", "--now")
    assert await until_status(visitor, "/v1/customers", 401) < 1
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await rows_of(stack, tenant):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    for service in PROCESSES:
        assert await stack.rows(service, "select 1 from chassis.deleted_tenant where tenant_id = $1", tenant), service
    after = await rows_of(stack, neighbour)
    assert {table: after.get(table, 0) >= count for table, count in kept.items()} == dict.fromkeys(kept, True)
    assert (await other.request("GET", "/v1/customers")).status_code == 200
    await other.drained()
    await other.close()
