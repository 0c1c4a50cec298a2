"""Tenants and API keys, and the functions that look across tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index

from chassis import (
    DatabaseFunction,
    DatabaseView,
    TenantKind,
    Versioned,
    belongs_to,
    bigint,
    check,
    choice,
    document,
    index,
    text_list,
    timestamp,
    unique,
)
from chassis.db.tables import SCHEMA
from gateway.access.rules import RefusalReason, RevocationReason
from gateway.base import Base


class Tenant(Versioned, Base, table=True):
    """A tenant: a company that Rapport serves, or its sandbox. Its id is its tenant id."""

    __tablename__ = "tenant"
    __table_args__ = (
        check("is_its_own_tenant", "id = tenant_id"),
        check("only_sandboxes_stop_the_clock", "clock_at is null or kind = 'sandbox'"),
        check("only_set_clocks_run", "clock_runs_since is null or clock_at is not null"),
        check("requests_per_second", "requests_per_second > 0"),
    )
    audited: ClassVar[bool] = True

    name: str
    kind: TenantKind = choice(TenantKind, "kind")
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None = timestamp(nullable=True, default=None)
    clock_runs_since: datetime | None = timestamp(nullable=True, default=None)
    suspended_at: datetime | None = timestamp(nullable=True, default=None)
    """Since then every request of the tenant is rejected."""
    deleted_at: datetime | None = timestamp(nullable=True, default=None)
    """The services delete the tenant's rows, this one last."""
    requests_per_second: float | None = None
    """Its maximum rate of requests. Null for the default of the gateway."""


class ApiKey(Versioned, Base, table=True):
    """A credential. The secret itself is shown once and never stored."""

    __tablename__ = "api_key"
    __table_args__ = (
        Index("ix_api_key_id", "id"),  # keys are looked up before their tenant is known
        belongs_to("created_by", "api_key", cascade=True),
        index("created_by"),
        unique("replaces"),
        check("requests_per_second", "requests_per_second > 0"),
    )
    audited: ClassVar[bool] = True

    name: str
    secret_hash: bytes
    scopes: list[str] = text_list()
    expires_at: datetime | None = timestamp(nullable=True, default=None)
    revoked_at: datetime | None = timestamp(nullable=True, default=None)
    last_used_at: datetime | None = timestamp(nullable=True, default=None)
    created_by: UUID | None = None
    """The key that created it, or the successor of that key. Null for a key that a command created."""
    replaces: UUID | None = None
    """The key that was rotated into this one."""
    issued_by: UUID | None = None
    """The key whose request created or rotated it. Unlike `created_by`, it never changes."""
    requests_per_second: float | None = None
    """Its maximum rate of requests. Null for the default of the gateway."""
    revoked_by: str | None = None
    revocation_reason: RevocationReason | None = choice(
        RevocationReason, "revocation_reason", nullable=True, default=None
    )


class RequestBucket(Base, table=True):
    """The tokens of a rate limit that all replicas of the gateway share. Its id is that of the tenant or of the key.

    The table is unlogged: after a crash of the database, all buckets are full.
    """

    __tablename__ = "request_bucket"

    full_at: datetime = timestamp()
    """When the bucket will be full, unless more tokens are leased."""


class Issuer(Versioned, Base, table=True):
    """An identity provider whose tokens the tenant accepts."""

    __tablename__ = "issuer"
    __table_args__ = (
        # A token names its issuer and its audience, not its tenant. Two tenants with both would be ambiguous.
        Index("uq_issuer_url_id_audience", "url_id", "audience", unique=True),
        belongs_to("configured_by", "api_key", cascade=True),
        index("configured_by"),
    )
    audited: ClassVar[bool] = True

    name: str
    url: str
    url_id: UUID
    audience: str
    algorithms: list[str] = text_list()
    clock_skew_seconds: int = bigint()
    rules: list[dict[str, Any]] = document()
    default_scopes: list[str] = text_list()
    customer_source: str | None = None
    """If set, each user is the customer whose external id of this source is the user's `sub`."""
    configured_by: UUID
    """The key that created it or changed it last, or the successor of that key. Users have at most its scopes."""


class AuthenticationFailure(Base, table=True):
    """How often a key was refused within an hour, for a reason. Requests only increase the count."""

    __tablename__ = "authentication_failure"
    __table_args__ = (
        belongs_to("api_key_id", "api_key", cascade=True),
        unique("api_key_id", "hour", "reason"),
        index("hour", "id"),
    )

    api_key_id: UUID
    hour: datetime = timestamp()
    reason: RefusalReason = choice(RefusalReason, "reason")
    count: int = bigint()
    last_at: datetime = timestamp()


@dataclass(frozen=True, slots=True)
class AccessEventRow:
    """A row of the audit log."""

    tenant_id: UUID
    id: UUID
    at: datetime
    actor: str
    entity: str
    entity_id: UUID
    action: str
    changes: dict[str, Any]
    trace_id: str


access_event = DatabaseView(
    "access_event",
    AccessEventRow,
    f"""
    create or replace view access_event with (security_invoker = true) as
        select tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id from {SCHEMA}.audit
    """,
)
Base.metadata.info.setdefault("objects", []).append(access_event)

# The tenant of a key, and of a name, is not known before the look-up. So these functions read as the owner, across
# tenants, and return no more than their callers need.
Base.metadata.info.setdefault("objects", []).extend(
    (
        # Called by replicas that are older than the database. A later release removes it.
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
            "find_api_keys(uuid[])",
            """
            create or replace function find_api_keys(
                wanted uuid[], out key_id uuid, out secret_hash bytea, out scopes text[], out expires_at timestamptz,
                out revoked_at timestamptz, out suspended_at timestamptz, out tenant_id uuid, out name text,
                out kind text, out timezone text, out currency text, out region text, out clock_at timestamptz,
                out clock_runs_since timestamptz
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select key.id, key.secret_hash, key.scopes, key.expires_at, key.revoked_at, tenant.suspended_at,
                       tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                       tenant.clock_at, tenant.clock_runs_since
                from api_key as key join tenant on tenant.tenant_id = key.tenant_id
                where key.id = any(wanted)
            $$
            """,
        ),
        DatabaseFunction(
            "find_issuers(uuid[])",
            """
            create or replace function find_issuers(
                wanted uuid[], out id uuid, out tenant_id uuid, out url text, out url_id uuid, out audience text,
                out algorithms text[], out clock_skew_seconds bigint, out rules jsonb, out default_scopes text[],
                out customer_source text, out configured_by uuid
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select id, tenant_id, url, url_id, audience, algorithms, clock_skew_seconds, rules, default_scopes,
                       customer_source, configured_by
                from issuer where issuer.url_id = any(wanted)
            $$
            """,
        ),
        DatabaseFunction(
            "find_visited_tenants(uuid[])",
            """
            create or replace function find_visited_tenants(
                wanted uuid[], out tenant_id uuid, out name text, out kind text, out timezone text, out currency text,
                out region text, out clock_at timestamptz, out clock_runs_since timestamptz
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                       tenant.clock_at, tenant.clock_runs_since
                from tenant
                where tenant.id = any(wanted) and tenant.suspended_at is null and tenant.deleted_at is null
            $$
            """,
        ),
        DatabaseFunction(
            "find_request_limits(uuid[])",
            """
            create or replace function find_request_limits(
                wanted uuid[], out key_id uuid, out tenant_rate double precision, out key_rate double precision
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select key.id, tenant.requests_per_second, key.requests_per_second
                from api_key as key join tenant on tenant.tenant_id = key.tenant_id
                where key.id = any(wanted)
            $$
            """,
        ),
        # Buckets are locked in order, so that replicas that lease from the same buckets do not block each other.
        DatabaseFunction(
            "lease_tokens(uuid[], uuid[], double precision[], double precision[], double precision[])",
            """
            create or replace function lease_tokens(
                tenants uuid[], ids uuid[], rates double precision[], sizes double precision[],
                wanted double precision[], out id uuid, out granted double precision, out remaining double precision
            )
            returns setof record
            language plpgsql security definer set search_path = public, pg_temp as $$
            #variable_conflict use_column
            declare
                moment timestamptz;
            begin
                insert into request_bucket (tenant_id, id, full_at)
                select asked.tenant_id, asked.id, '-infinity' from unnest(tenants, ids) as asked(tenant_id, id)
                order by asked.tenant_id, asked.id on conflict do nothing;
                perform from request_bucket as bucket
                where (bucket.tenant_id, bucket.id) in (select * from unnest(tenants, ids))
                order by bucket.tenant_id, bucket.id for update;
                moment := clock_timestamp();
                return query
                with asked as (
                    select bucket.tenant_id, bucket.id, asked.rate, asked.wanted,
                           greatest(bucket.full_at, moment) as full_at,
                           asked.size - asked.rate * extract(epoch from greatest(bucket.full_at, moment) - moment)
                               as available
                    from unnest(tenants, ids, rates, sizes, wanted) as asked(tenant_id, id, rate, size, wanted)
                    join request_bucket as bucket on bucket.tenant_id = asked.tenant_id and bucket.id = asked.id
                ), leased as (
                    select *, greatest(least(wanted, floor(available + 0.001)), 0) as granted from asked
                )
                update request_bucket as bucket
                set full_at = leased.full_at + make_interval(secs => leased.granted / leased.rate)
                from leased where bucket.tenant_id = leased.tenant_id and bucket.id = leased.id
                returning bucket.id, leased.granted, leased.available - leased.granted;
            end
            $$
            """,
        ),
        DatabaseFunction(
            "count_authentication_failures(uuid[], text[], bigint[], timestamptz)",
            """
            create or replace function count_authentication_failures(
                keys uuid[], reasons text[], counts bigint[], at timestamptz
            )
            returns void
            language sql security definer set search_path = public, pg_temp as $$
                insert into authentication_failure (tenant_id, api_key_id, hour, reason, count, last_at)
                select key.tenant_id, key.id, date_trunc('hour', at, 'UTC'), failed.reason, failed.count, at
                from unnest(keys, reasons, counts) as failed(id, reason, count)
                join api_key as key on key.id = failed.id
                on conflict (tenant_id, api_key_id, hour, reason) do update
                set count = authentication_failure.count + excluded.count, last_at = excluded.last_at
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
        # Only the worker's login may call these two: the API's must not learn which tenants exist.
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
        DatabaseFunction(
            "list_tenants()",
            """
            create or replace function list_tenants(
                out id uuid, out name text, out kind text, out suspended_at timestamptz, out deleted_at timestamptz,
                out clock_at timestamptz
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select id, name, kind, suspended_at, deleted_at, clock_at from tenant order by name, id
            $$
            """,
        ),
    )
)
