"""The facts of tenants that a service stores, from the gateway's events.

A request carries the facts in its token. Event handlers and the worker's loops read them from the table.
"""

from uuid import UUID

from chassis.core.events import IncomingEvent
from chassis.core.identity import Tenant, TenantFacts
from chassis.db.statements import Command, Record
from chassis.db.tables import SCHEMA
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import Feature

feature = Feature("tenants")

ALL_TENANTS = f"select tenant_id, facts from {SCHEMA}.tenant order by tenant_id"


class TenantChanged(TenantFacts, IncomingEvent, type="gateway.tenant_changed.v1"):
    """A tenant was created, or its facts changed."""

    tenant_id: UUID


_STORE = Command(
    f"""
    insert into {SCHEMA}.tenant as stored (tenant_id, facts, event_id) values (:tenant_id, :facts, :event_id)
    on conflict (tenant_id) do update set facts = excluded.facts, event_id = excluded.event_id
    where stored.event_id is null or stored.event_id <= excluded.event_id
    """
)


@feature.on(TenantChanged)
async def store_tenant_facts(work: UnitOfWork, event: TenantChanged) -> None:
    """Store the facts unless newer ones are stored.

    Raises ValueError for an event that describes another tenant than its own.
    """
    if event.tenant_id != event.envelope.tenant:
        raise ValueError(f"an event of the tenant {event.envelope.tenant} describes another tenant")
    facts = tenant_from_event(event).facts
    await work.execute(_STORE, tenant_id=event.tenant_id, facts=facts, event_id=event.envelope.id)


def tenant_from_row(row: Record) -> Tenant:
    """Return the tenant of a row of the tenant table."""
    return Tenant.model_validate({"id": row["tenant_id"], **row["facts"]})


def tenant_from_event(event: TenantChanged) -> Tenant:
    """Return the tenant that an event describes."""
    return Tenant(id=event.tenant_id, **event.model_dump(exclude={"tenant_id"}))
