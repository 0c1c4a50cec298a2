"""Record with which facts of a tenant the periodic tasks have run, and limit the count of orphans.

Revision ID: 0008
"""

from alembic import op

from chassis.db.migrations import add_settled_tenants

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column, and limit the counts of the status."""
    add_settled_tenants("interactions")
    op.execute("""
    create or replace function count_orphans() returns bigint
    language sql stable security definer set search_path = public, pg_temp as $$
        select coalesce(sum(records), 0)::bigint from (
            select records from awaited_customer as awaited
            where since < now() - interval '5 minutes'
            and not exists (
                select from known_customer as known
                where known.tenant_id = awaited.tenant_id and known.id = awaited.id
            )
            limit 10000
        ) as counted
    $$
    """)
