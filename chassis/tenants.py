"""What a service knows of a tenant: told by the gateway's events, kept in the chassis' own table.

Requests carry the facts in their token; reactions and the worker's loops read them from here.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.events import Incoming
from chassis.feature import Feature
from chassis.identity import Tenant
from chassis.requests import Work
from chassis.tables import SCHEMA

feature = Feature("tenants")


class TenantChanged(Incoming, type="gateway.tenant_changed.v1"):
    """A tenant was made or its facts changed."""

    tenant_id: UUID
    name: str
    kind: Literal["live", "sandbox"]
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None


@feature.on(TenantChanged)
async def remember_what_is_known_of_a_tenant(work: Work, tenant: TenantChanged) -> None:
    """Keeps the newest facts. Nobody tells of another tenant than the event is of."""
    if tenant.tenant_id != tenant.envelope.tenant:
        raise ValueError(f"an event of the tenant {tenant.envelope.tenant} tells of another one")
    await work.execute(
        f"""
        insert into {SCHEMA}.tenant (tenant_id, name, kind, timezone, currency, region, clock_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (tenant_id) do update set name = excluded.name, kind = excluded.kind,
            timezone = excluded.timezone, currency = excluded.currency, region = excluded.region,
            clock_at = excluded.clock_at
        """,
        tenant.tenant_id,
        tenant.name,
        tenant.kind,
        tenant.timezone,
        tenant.currency,
        tenant.region,
        tenant.clock_at,
    )


def tenant_of(row: Any) -> Tenant:
    """The facts of a row of the tenant table."""
    return Tenant(
        id=row["tenant_id"],
        name=row["name"],
        kind=row["kind"],
        timezone=row["timezone"],
        currency=row["currency"],
        region=row["region"],
        clock_at=row["clock_at"],
    )


def tenant_announced(tenant: TenantChanged) -> Tenant:
    """The facts that an event tells."""
    return Tenant(
        id=tenant.tenant_id,
        name=tenant.name,
        kind=tenant.kind,
        timezone=tenant.timezone,
        currency=tenant.currency,
        region=tenant.region,
        clock_at=tenant.clock_at,
    )
