"""Grants that expire: permitted no longer, and told once by an event."""

import asyncio
from datetime import UTC, datetime, timedelta

from chassis import UnitOfWork
from tests.service.customers.test_consents import a_customers_path, decide, permission
from tests.support.service import ServiceUnderTest, a_tenant

START = datetime(2026, 3, 1, tzinfo=UTC)
EXPIRED = "customers.consent_expired.v1"


async def at(customers: ServiceUnderTest, days: float) -> ServiceUnderTest:
    """Return the service for the same sandbox, some days later."""
    clock = START + timedelta(days=days)
    return customers.for_tenant(customers.tenant.model_copy(update={"kind": "sandbox", "clock_at": clock}))


async def expired(customers: ServiceUnderTest) -> list[str]:
    return [event.data["receipt_id"] for event in await customers.published() if event.type == EXPIRED]


async def test_a_grant_expires_once(customers: ServiceUnderTest) -> None:
    sandbox = await at(customers.for_tenant(a_tenant()), 0)
    path = await a_customers_path(sandbox)
    receipt = await decide(sandbox, path, "granted", expires_at=(START + timedelta(days=2)).isoformat())
    await sandbox.run_periodic_tasks()
    assert (await permission(sandbox, path))["permitted"]
    assert await expired(sandbox) == []

    later = await at(sandbox, 2)

    assert (await permission(later, path))["reason"] == "expired"  # also before the task has run
    await asyncio.gather(*(later.run_periodic_tasks() for _ in range(3)))
    await later.run_periodic_tasks()
    assert await expired(later) == [receipt["id"]]


async def test_a_grant_that_a_later_decision_has_replaced_does_not_expire(customers: ServiceUnderTest) -> None:
    sandbox = await at(customers.for_tenant(a_tenant()), 0)
    soon = (START + timedelta(days=2)).isoformat()
    renewed, withdrawn = await a_customers_path(sandbox), await a_customers_path(sandbox)
    for path, decision in ((renewed, "granted"), (withdrawn, "withdrawn")):
        await decide(sandbox, path, "granted", expires_at=soon)
        await decide(await at(sandbox, 1), path, decision)

    later = await at(sandbox, 3)
    await later.run_periodic_tasks()

    assert await expired(later) == []
    assert (await permission(later, renewed))["permitted"]
    assert await later.rows("select * from consent_expiry") == []


async def test_a_failed_run_is_repeated_as_a_whole(customers: ServiceUnderTest) -> None:
    sandbox = await at(customers.for_tenant(a_tenant()), 0)
    path = await a_customers_path(sandbox)
    receipt = await decide(sandbox, path, "granted", expires_at=(START + timedelta(days=2)).isoformat())
    later = await at(sandbox, 3)
    (expire,) = (task for task in later.service.tasks if task.run.__name__ == "expire_grants")
    try:
        async with later.transaction_of_worker() as transaction:
            await expire.run(UnitOfWork(transaction))
            raise RuntimeError("killed")
    except RuntimeError:
        pass
    assert await expired(later) == []
    await later.run_periodic_tasks()
    assert await expired(later) == [receipt["id"]]
