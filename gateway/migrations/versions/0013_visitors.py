"""Tenants that visitors name by a link.

Revision ID: 0013
"""

from alembic import op

from chassis.db.migrations import api_role

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the function that finds the tenants of links."""
    op.execute("""
                create or replace function find_visited_tenants(
                    wanted uuid[], out tenant_id uuid, out name text, out kind text, out timezone text,
                    out currency text, out region text, out clock_at timestamptz, out clock_runs_since timestamptz
                )
                returns setof record
                language sql stable security definer set search_path = public, pg_temp as $$
                    select tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                           tenant.clock_at, tenant.clock_runs_since
                    from tenant
                    where tenant.id = any(wanted) and tenant.suspended_at is null and tenant.deleted_at is null
                $$
    """)
    op.execute("revoke all on function find_visited_tenants(uuid[]) from public")
    op.execute(f"grant execute on function find_visited_tenants(uuid[]) to {api_role('gateway')}")
