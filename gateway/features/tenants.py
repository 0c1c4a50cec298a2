"""Tenants: what a company that Rapport serves says of itself. A command makes them; they change their own facts.

Every service hears of them by `tenant_changed`, before anything else of theirs arrives.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import phonenumbers
from pydantic import AfterValidator, BaseModel, Field

from chassis import (
    Currency,
    Event,
    Feature,
    IfMatch,
    Invalid,
    Line,
    Page,
    Paged,
    StaleVersion,
    Timezone,
    Wire,
    Work,
    given,
    page,
    shown,
)
from chassis.identity import Tenant as Facts
from chassis.work import Record
from gateway.credentials import CHANNEL
from gateway.model import TenantRecord

feature = Feature("tenants")


class TenantChanged(Event, type="gateway.tenant_changed.v1", key="tenant_id"):
    """A tenant was made or its facts changed: what every service must know of it."""

    tenant_id: UUID
    name: str
    kind: Literal["live", "sandbox"]
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None


def known_region(code: str) -> str:
    """A country that phone numbers can be read for. Raises ValueError."""
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("not a country code that phone numbers are known for")
    return code


Region = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["NL"]), AfterValidator(known_region)]


class TenantPatch(Wire):
    """What a tenant may change of itself."""

    name: Line | None = None
    timezone: Timezone | None = None
    currency: Currency | None = None
    region: Region | None = None


class Tenant(BaseModel):
    """A company that Rapport serves, or its sandbox."""

    id: UUID
    version: int
    name: str
    kind: Literal["live", "sandbox"]
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None
    created_at: datetime
    updated_at: datetime


@feature.get("/tenants", scope="tenants:read")
async def list_tenants(work: Work, paging: Paged) -> Page[Tenant]:
    """The tenant that the key belongs to: nobody sees another one."""
    return await page(work, paging, TenantRecord, tenant_of)


@feature.get("/tenants/{id:uuid}", scope="tenants:read")
async def read_tenant(work: Work, id: UUID) -> Tenant:
    """One tenant."""
    return tenant_of(vars(await work.get(TenantRecord, id)))


@feature.patch("/tenants/{id:uuid}", scope="tenants:write", refuses=[StaleVersion])
async def update_tenant(work: Work, id: UUID, patch: TenantPatch, if_match: IfMatch) -> Tenant:
    """Changes facts; every service follows."""
    tenant = await work.get(TenantRecord, id, lock=True)
    work.expect(tenant, if_match)
    changes = given(patch)
    for name, value in changes.items():
        if value is None:
            raise Invalid.field(f"/{name}", "required", "this cannot be removed")
    before = tenant.version
    await work.update(tenant, **changes)
    if tenant.version != before:
        await announce(work, tenant)
    return tenant_of(vars(tenant))


async def create(work: Work, kind: Literal["live", "sandbox"], name: str, facts: TenantPatch) -> TenantRecord:
    """Makes the tenant that this work belongs to."""
    tenant = TenantRecord(
        id=work.tenant.id,
        name=name,
        kind=kind,
        timezone=facts.timezone or "UTC",
        currency=facts.currency or "EUR",
        region=facts.region or "NL",
    )
    await work.insert(tenant)
    await announce(work, tenant)
    return tenant


async def announce(work: Work, tenant: TenantRecord) -> None:
    """Tells the services, and the gateway's replicas, that keys carry other facts now."""
    await work.execute("select pg_notify($1, '')", CHANNEL)
    work.publish(
        TenantChanged(
            tenant_id=tenant.id,
            name=tenant.name,
            kind=tenant.kind,
            timezone=tenant.timezone,
            currency=tenant.currency,
            region=tenant.region,
            clock_at=tenant.clock_at,
        )
    )


def tenant_of(row: Record) -> Tenant:
    """The tenant as it is shown."""
    return shown(Tenant, row)


def blank(id: UUID, kind: Literal["live", "sandbox"]) -> Facts:
    """The facts of a tenant that is about to be made."""
    return Facts(id, "", kind, "UTC", "EUR", "NL", None)
