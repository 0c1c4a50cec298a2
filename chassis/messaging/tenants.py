"""The tenants that a service knows, from the gateway's events: their facts, and their deletion.

A request carries the facts in its token. Event handlers and the worker's loops read them from the table.

A deleted tenant leaves its id behind, so that late events cannot create rows of it again. Its rows are deleted a batch
at a time, from every table with a tenant, whatever features a service has.
"""

from datetime import timedelta
from uuid import UUID

import asyncpg

from chassis.core.events import IncomingEvent
from chassis.core.identity import Tenant, TenantFacts
from chassis.db.statements import Command, Query, Record
from chassis.db.tables import SCHEMA
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import Feature

feature = Feature("tenants")

ALL_TENANTS = f"select tenant_id, facts from {SCHEMA}.tenant order by tenant_id"
DELETED_TENANTS = f"""
    select tenant_id, '{{"name": "", "kind": "live", "timezone": "UTC", "currency": "EUR", "region": "NL",
    "clock_at": null}}'::jsonb as facts
    from {SCHEMA}.deleted_tenant where finished_at is null order by tenant_id
"""
PURGE_BATCH_SIZE = 5_000
SETTLING_SECONDS = 120
"""How long after the deletion rows may still appear: requests and transactions that were running, and valid tokens."""


class TenantChanged(TenantFacts, IncomingEvent, type="gateway.tenant_changed.v1"):
    """A tenant was created, or its facts changed."""

    tenant_id: UUID


class TenantDeleted(IncomingEvent, type="gateway.tenant_deleted.v1"):
    """A tenant was deleted."""

    tenant_id: UUID


_STORE = Command(
    f"""
    insert into {SCHEMA}.tenant as stored (tenant_id, facts, event_id) select :tenant_id, :facts, :event_id
    where not exists (select from {SCHEMA}.deleted_tenant where tenant_id = :tenant_id)
    on conflict (tenant_id) do update set facts = excluded.facts, event_id = excluded.event_id
    where stored.event_id is null or stored.event_id <= excluded.event_id
    """
)


@feature.on(TenantChanged)
async def store_tenant_facts(work: UnitOfWork, event: TenantChanged) -> None:
    """Store the facts unless newer ones are stored.

    Raises ValueError for an event that describes another tenant than its own.
    """
    _require_own(event)
    facts = tenant_from_event(event).facts
    await work.execute(_STORE, tenant_id=event.tenant_id, facts=facts, event_id=event.envelope.id)


@feature.on(TenantDeleted)
async def delete_tenant(work: UnitOfWork, event: TenantDeleted) -> None:
    """Remember that the tenant is deleted. Its rows follow in batches.

    Raises ValueError for an event that describes another tenant than its own.
    """
    _require_own(event)
    await work.execute(_SET_DELETED, tenant_id=event.tenant_id)
    await work.execute(_DELETE, tenant_id=event.tenant_id)


@feature.periodic(every=timedelta(seconds=1), of_deleted_tenants=True)
async def delete_rows(work: UnitOfWork) -> bool:
    """Delete a batch of the rows of a deleted tenant. It goes on at the next interval until no more rows can appear."""
    if await work.fetch_row(_PURGE, tenant_id=work.tenant.id, max_rows=PURGE_BATCH_SIZE) == 0:
        await work.execute(_FINISH, tenant_id=work.tenant.id, seconds=SETTLING_SECONDS)
    return False


async def is_deleted(pool: asyncpg.Pool, tenant_id: UUID) -> bool:
    """Return whether the tenant is deleted, so that its events are ignored."""
    statement = f"select exists (select from {SCHEMA}.deleted_tenant where tenant_id = $1)"
    return bool(await pool.fetchval(statement, tenant_id))


def _require_own(event: TenantChanged | TenantDeleted) -> None:
    if event.tenant_id != event.envelope.tenant:
        raise ValueError(f"an event of the tenant {event.envelope.tenant} describes another tenant")


def tenant_from_row(row: Record) -> Tenant:
    """Return the tenant of a row of the tenant table."""
    return Tenant.model_validate({"id": row["tenant_id"], **row["facts"]})


def tenant_from_event(event: IncomingEvent) -> Tenant:
    """Return the tenant that an event of this feature describes. The facts of a deleted tenant are not known."""
    if isinstance(event, TenantChanged):
        return Tenant(id=event.tenant_id, **event.model_dump(exclude={"tenant_id"}))
    return Tenant.unknown(event.envelope.tenant)


_SET_DELETED = Command(
    f"insert into {SCHEMA}.deleted_tenant (tenant_id) values (:tenant_id) on conflict (tenant_id) do nothing"
)
_DELETE = Command(f"delete from {SCHEMA}.tenant where tenant_id = :tenant_id")
_PURGE = Query(int, f"select {SCHEMA}.purge_tenant(:tenant_id, :max_rows)")
_FINISH = Command(
    f"""
    update {SCHEMA}.deleted_tenant set finished_at = now()
    where tenant_id = :tenant_id and deleted_at < now() - make_interval(secs => :seconds)
    """
)
