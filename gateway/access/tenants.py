"""Tenants: the facts of each company that Rapport serves. A command creates tenants, and they change their own facts.

Every service receives them by `tenant_changed`, before any other event of the tenant.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, Field

from chassis import (
    REQUIRED,
    CurrentCurrency,
    Event,
    Feature,
    IfMatch,
    Line,
    Page,
    PageParams,
    RequestBody,
    Resource,
    TenantFacts,
    Timezone,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    paginate,
)
from gateway.access import tables
from gateway.access.queries import invalidate_credentials

feature = Feature("tenants")


class TenantChanged(TenantFacts, Event, type="gateway.tenant_changed.v1", partition_key="tenant_id"):
    """A tenant was created or its facts changed. The event carries all facts that services need."""

    tenant_id: UUID


def _require_known_region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("not a country code with known phone numbers")
    return code


Region = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"]), AfterValidator(_require_known_region)]


class TenantUpdate(RequestBody):
    """The facts that a tenant may change."""

    name: Line | None = None
    timezone: Timezone | None = None
    currency: CurrentCurrency | None = None
    region: Region | None = None


class Tenant(TenantFacts, Resource, row=tables.Tenant, etag="version"):
    """A company that Rapport serves, or its sandbox."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


@feature.get("/tenants", scope="tenants:read")
async def list_tenants(work: Work, params: PageParams) -> Page[Tenant]:
    """List the tenant to which the API key belongs. Other tenants are not visible."""
    return await paginate(work, params, tables.Tenant, Tenant)


@feature.get("/tenants/{id:uuid}", scope="tenants:read")
async def read_tenant(work: Work, id: UUID) -> Tenant:
    """Return a tenant."""
    return Tenant.from_row(await work.get(tables.Tenant, id))


@feature.patch("/tenants/{id:uuid}", scope="tenants:write", raises=[VersionMismatch])
async def update_tenant(work: Work, id: UUID, body: TenantUpdate, if_match: IfMatch) -> Tenant:
    """Change facts of a tenant. Every service receives them within moments."""
    tenant = await work.get(tables.Tenant, id, for_update=True)
    work.check_version(tenant, if_match)
    changes = body.changes()
    for name, value in changes.items():
        if value is None:
            raise ValidationFailed.field(f"/{name}", REQUIRED, "cannot be removed")
    changed = await work.update(tenant, **changes)
    if changed.version != tenant.version:
        await _announce(work, changed)
    return Tenant.from_row(changed)


async def store_tenant(work: UnitOfWork) -> None:
    """Store the tenant of this transaction, which is new, and announce it."""
    await _announce(work, await work.insert(tables.Tenant(**work.tenant.model_dump())))


async def _announce(work: UnitOfWork, tenant: tables.Tenant) -> None:
    """Publish the facts to the services. The gateway's own replicas look up the tenant's keys again."""
    await invalidate_credentials(work)
    work.publish(TenantChanged.from_row(tenant))
