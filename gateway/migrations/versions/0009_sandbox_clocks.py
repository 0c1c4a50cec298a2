"""Let the clock of a sandbox run on from its time, and list tenants.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import add_settled_tenants, api_role, worker_role

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the time since which a clock runs, return it with the keys, and let the worker's login list the tenants."""
    op.add_column("tenant", sa.Column("clock_runs_since", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        "ck_tenant_only_set_clocks_run", "tenant", "clock_runs_since is null or clock_at is not null"
    )
    op.execute("drop function find_api_keys(uuid[])")
    op.execute("""
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
    """)
    op.execute("revoke all on function find_api_keys(uuid[]) from public")
    op.execute(f"grant execute on function find_api_keys(uuid[]) to {api_role('gateway')}")
    op.execute("drop function webhook_endpoints_of(uuid[], uuid[])")
    op.execute(ENDPOINTS)
    op.execute("revoke all on function webhook_endpoints_of(uuid[], uuid[]) from public")
    op.execute(f"grant execute on function webhook_endpoints_of(uuid[], uuid[]) to {worker_role('gateway')}")
    op.execute("""
            create or replace function list_tenants(
                out id uuid, out name text, out kind text, out suspended_at timestamptz, out deleted_at timestamptz,
                out clock_at timestamptz
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select id, name, kind, suspended_at, deleted_at, clock_at from tenant order by name, id
            $$
    """)
    op.execute("revoke all on function list_tenants() from public")
    op.execute(f"grant execute on function list_tenants() to {worker_role('gateway')}")
    add_settled_tenants("gateway")


ENDPOINTS = """
    create or replace function webhook_endpoints_of(
        tenants uuid[], ids uuid[], out tenant_id uuid, out id uuid, out url text, out max_per_second bigint,
        out is_active bool, out recovers bool, out includes_record bool, out api_key_id uuid, out scopes text[],
        out secrets jsonb, out name text, out kind text, out timezone text, out currency text, out region text,
        out clock_at timestamptz, out clock_runs_since timestamptz
    )
    returns setof record
    language sql stable security definer set search_path = public, pg_temp as $$
        select endpoint.tenant_id, endpoint.id, endpoint.url, endpoint.max_per_second,
               endpoint.state = 'enabled' and endpoint.deleted_at is null and tenant.suspended_at is null,
               lane.recover_after is not null, 'record' = any(endpoint.include), key.id, key.scopes,
               (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'purpose', secret.purpose, 'name', secret.name, 'ciphertext', secret.ciphertext,
                       'expires_at', secret.expires_at
                   ) order by secret.created_at desc, secret.id desc), '[]')
                   from webhook_secret as secret
                   where secret.tenant_id = endpoint.tenant_id and secret.endpoint_id = endpoint.id
                     and (secret.expires_at is null or secret.expires_at > now())
               ),
               tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region, tenant.clock_at,
               tenant.clock_runs_since
        from unnest(tenants, ids) as wanted(tenant_id, id)
        join webhook_endpoint as endpoint on endpoint.tenant_id = wanted.tenant_id and endpoint.id = wanted.id
        join webhook_lane as lane on lane.tenant_id = endpoint.tenant_id and lane.id = endpoint.id
        join tenant on tenant.tenant_id = endpoint.tenant_id and tenant.id = endpoint.tenant_id
        left join lateral (
            with recursive successor(id, depth) as (
                select endpoint.api_key_id, 0
                union all
                select key.id, successor.depth + 1 from successor join api_key as key
                    on key.tenant_id = endpoint.tenant_id and key.replaces = successor.id
            )
            select key.id, key.scopes from successor
            join api_key as key on key.tenant_id = endpoint.tenant_id and key.id = successor.id
            where key.revoked_at is null and (key.expires_at is null or key.expires_at > now())
            order by successor.depth desc limit 1
        ) as key on true
    $$
"""
