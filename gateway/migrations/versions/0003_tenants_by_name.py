"""Find tenants by name.

Revision ID: 0003
"""

from alembic import op

from chassis.db.migrations import worker_role

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let the worker's login, and no other role, find the tenants of a name, for the command line."""
    op.execute(
        """
        create function find_tenants(wanted text, out id uuid, out name text)
        returns setof record
        language sql stable security definer set search_path = public, pg_temp as $$
            select tenant.id, tenant.name from tenant where lower(tenant.name) = lower(wanted) order by tenant.id
        $$
        """
    )
    op.execute("revoke all on function find_tenants(text) from public")
    op.execute(f"grant execute on function find_tenants(text) to {worker_role('gateway')}")
