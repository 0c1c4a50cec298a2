"""Tenants: the facts of each company that Rapport serves. A command creates tenants, and they change their own facts.

Every service receives them by `tenant_changed`, before any other event of the tenant. Commands suspend, resume, limit
and delete a tenant.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, Field

from chassis import (
    CurrentCurrency,
    Event,
    Feature,
    IfMatch,
    Instant,
    Line,
    Page,
    PageParams,
    RequestBody,
    Resource,
    TenantFacts,
    Timezone,
    UnitOfWork,
    VersionMismatch,
    Work,
    paginate,
)
from chassis.core.clock import clock
from gateway.access import tables
from gateway.access.queries import announce_tenant

feature = Feature("tenants")


class TenantChanged(TenantFacts, Event, type="gateway.tenant_changed.v1", partition_key="tenant_id"):
    """A tenant was created or its facts changed. The event carries all facts that services need."""

    tenant_id: UUID
    """The tenant."""


class TenantDeleted(Event, type="gateway.tenant_deleted.v1", partition_key="tenant_id"):
    """A tenant was deleted. Every service deletes all of its rows, and ignores later events of the tenant."""

    tenant_id: UUID
    """The tenant."""
    deleted_at: datetime
    """When it was deleted."""


class TenantStateConflict(Exception):
    """A command does not fit the state of the tenant. The text says what to do."""


def _require_known_region(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("not a country code with known phone numbers")
    return code


Region = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"]), AfterValidator(_require_known_region)]


class TenantUpdate(RequestBody):
    """A JSON Merge Patch of a tenant. None of its facts can be removed."""

    example = {"name": "Tea shop", "timezone": "Europe/Amsterdam"}

    name: Line | None = None
    """The name of the company."""
    timezone: Timezone | None = None
    """The time zone of its days and months: a name of the IANA database."""
    currency: CurrentCurrency | None = None
    """The currency of its analytics, by its ISO 4217 code."""
    region: Region | None = None
    """The country for which phone numbers without a country code are read."""


class SandboxStart(RequestBody):
    """The time at which the clock of a new sandbox is frozen."""

    clock: Instant | None = None


class Tenant(TenantFacts, Resource, row=tables.Tenant, etag="version"):
    """A company that Rapport serves, or its sandbox."""

    id: UUID
    """Identifies the tenant."""
    version: int
    """Counts the changes. It is the ETag."""
    requests_per_second: float | None
    """The maximum rate of requests that the operator has set for this tenant. Null is the default."""
    created_at: datetime
    """When the tenant was created."""
    updated_at: datetime
    """When its facts last changed."""


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
    changed = await work.update(tenant, **body.changes())
    if changed.version != tenant.version:
        await _announce(work, changed)
    return Tenant.from_row(changed)


async def store_tenant(work: UnitOfWork) -> None:
    """Store the tenant of this transaction, which is new, and announce it."""
    await _announce(work, await work.insert(tables.Tenant(**work.tenant.model_dump())))


async def suspend_tenant(work: UnitOfWork) -> None:
    """Reject every request of the tenant from now on. Its events are still applied."""
    await _update(work, suspended_at=clock.now())


async def resume_tenant(work: UnitOfWork) -> None:
    """Accept the requests of the tenant again. Raises TenantStateConflict if it is deleted."""
    await _update(work, suspended_at=None)


async def delete_tenant(work: UnitOfWork, *, suspended_for: timedelta) -> None:
    """Make every service delete the tenant's rows. This cannot be undone.

    Raises TenantStateConflict unless the tenant has been suspended for some time, or that time is zero.
    """
    tenant = await work.get(tables.Tenant, work.tenant.id, for_update=True)
    now = clock.now()
    if suspended_for and (tenant.suspended_at is None or now - tenant.suspended_at < suspended_for):
        raise TenantStateConflict(
            f"{tenant.name} has not been suspended for {suspended_for}. Run `rapport tenants suspend` and wait, or "
            "pass --now."
        )
    await _update(work, suspended_at=tenant.suspended_at or now, deleted_at=now)
    work.publish(TenantDeleted(tenant_id=tenant.id, deleted_at=now))


async def set_clock(
    work: UnitOfWork, tenant: tables.Tenant, clock_at: datetime, runs_since: datetime | None
) -> tables.Tenant:
    """Set the clock of a sandbox, which the caller has locked, and announce it. Returns the sandbox as stored."""
    changed = await work.update(tenant, clock_at=clock_at, clock_runs_since=runs_since)
    if changed.version != tenant.version:
        await _announce(work, changed)
    return changed


async def limit_tenant(work: UnitOfWork, requests_per_second: float | None) -> None:
    """Set the maximum rate of the tenant's requests, or the default. Raises TenantStateConflict if it is deleted."""
    await _update(work, requests_per_second=requests_per_second)


async def _update(work: UnitOfWork, **changes: datetime | float | None) -> None:
    tenant = await work.get(tables.Tenant, work.tenant.id, for_update=True)
    if tenant.deleted_at is not None:
        raise TenantStateConflict(f"{tenant.name} is deleted.")
    await work.update(tenant, **changes)
    await announce_tenant(work)


async def _announce(work: UnitOfWork, tenant: tables.Tenant) -> None:
    """Publish the facts to the services. The gateway's own replicas look up the tenant's keys again."""
    await announce_tenant(work)
    work.publish(TenantChanged.from_row(tenant))
