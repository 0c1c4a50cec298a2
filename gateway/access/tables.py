"""Tenants and API keys, and the functions that look across tenants."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index

from chassis import DatabaseFunction, TenantKind, Versioned, check, choice, text_list, timestamp
from gateway.base import Base


class Tenant(Versioned, Base, table=True):
    """A tenant: a company that Rapport serves, or its sandbox. Its id is its tenant id."""

    __tablename__ = "tenant"
    __table_args__ = (
        check("is_its_own_tenant", "id = tenant_id"),
        check("only_sandboxes_stop_the_clock", "clock_at is null or kind = 'sandbox'"),
    )
    audited: ClassVar[bool] = True

    name: str
    kind: TenantKind = choice(TenantKind, "kind")
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None = timestamp(nullable=True, default=None)


class ApiKey(Versioned, Base, table=True):
    """A credential. The secret itself is shown once and never stored."""

    __tablename__ = "api_key"
    __table_args__ = (Index("ix_api_key_id", "id"),)  # keys are looked up before their tenant is known
    audited: ClassVar[bool] = True

    name: str
    secret_hash: bytes
    scopes: list[str] = text_list()
    expires_at: datetime | None = timestamp(nullable=True, default=None)
    revoked_at: datetime | None = timestamp(nullable=True, default=None)
    last_used_at: datetime | None = timestamp(nullable=True, default=None)


# The tenant of a key, and of a name, is not known before the look-up. So these functions read as the owner, across
# tenants, and return no more than their callers need.
Base.metadata.info.setdefault("objects", []).extend(
    (
        DatabaseFunction(
            "find_api_key(uuid)",
            """
            create or replace function find_api_key(
                wanted uuid, out secret_hash bytea, out scopes text[], out expires_at timestamptz,
                out revoked_at timestamptz, out tenant_id uuid, out name text, out kind text, out timezone text,
                out currency text, out region text, out clock_at timestamptz
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select key.secret_hash, key.scopes, key.expires_at, key.revoked_at,
                       tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                       tenant.clock_at
                from api_key as key join tenant on tenant.tenant_id = key.tenant_id
                where key.id = wanted
            $$
            """,
        ),
        DatabaseFunction(
            "note_key_use(uuid[], timestamptz[])",
            """
            create or replace function note_key_use(ids uuid[], times timestamptz[]) returns void
            language sql security definer set search_path = public, pg_temp as $$
                update api_key set last_used_at = used.at
                from unnest(ids, times) as used(id, at)
                where api_key.id = used.id and (last_used_at is null or last_used_at < used.at)
            $$
            """,
        ),
        # Only the worker's login may call it: the API's must not learn which tenants exist.
        DatabaseFunction(
            "find_tenants(text)",
            """
            create or replace function find_tenants(wanted text, out id uuid, out name text)
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select tenant.id, tenant.name from tenant where lower(tenant.name) = lower(wanted) order by tenant.id
            $$
            """,
        ),
    )
)
