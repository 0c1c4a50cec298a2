"""Limit the requests of tenants and keys, also for all replicas of the gateway together.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import api_role, create_tenant_table

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the rates of tenants and keys, and the shared buckets."""
    for table in ("tenant", "api_key"):
        op.add_column(table, sa.Column("requests_per_second", sa.Float(), nullable=True))
        op.create_check_constraint(f"ck_{table}_requests_per_second", table, "requests_per_second > 0")
    create_tenant_table(
        "request_bucket", "gateway", sa.Column("full_at", sa.DateTime(timezone=True), nullable=False), append_only=False
    )
    # Updates of a row stay on its page, so that no index changes.
    op.execute("alter table request_bucket set (fillfactor = 50)")
    op.execute("alter table request_bucket set unlogged")
    op.execute("""
            create or replace function find_request_limits(
                wanted uuid[], out key_id uuid, out tenant_rate double precision, out key_rate double precision
            )
            returns setof record
            language sql stable security definer set search_path = public, pg_temp as $$
                select key.id, tenant.requests_per_second, key.requests_per_second
                from api_key as key join tenant on tenant.tenant_id = key.tenant_id
                where key.id = any(wanted)
            $$
            """)
    op.execute("""
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
            """)
    # Only the API's login serves requests.
    for function in (
        "find_request_limits(uuid[])",
        "lease_tokens(uuid[], uuid[], double precision[], double precision[], double precision[])",
    ):
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to {api_role('gateway')}")
