"""Record where keys come from, refused keys, and suspended tenants.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import (
    api_role,
    create_tenant_table,
    grant_view,
)

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the lineage of keys, the counts of refusals, and the times of suspension and deletion."""
    create_tenant_table(
        "authentication_failure",
        "gateway",
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason in ('expired', 'revoked', 'wrong_secret')", name=op.f("ck_authentication_failure_reason")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name=op.f("fk_authentication_failure_api_key"),
            ondelete="cascade",
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "api_key_id",
            "hour",
            "reason",
            name=op.f("uq_authentication_failure_tenant_id_api_key_id_hour_reason"),
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_authentication_failure_tenant_id_hour_id"),
        "authentication_failure",
        ["tenant_id", "hour", "id"],
        unique=False,
    )
    op.add_column("api_key", sa.Column("created_by", sa.Uuid(), nullable=True))
    op.add_column("api_key", sa.Column("replaces", sa.Uuid(), nullable=True))
    op.add_column("api_key", sa.Column("issued_by", sa.Uuid(), nullable=True))
    op.add_column("api_key", sa.Column("revoked_by", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("revocation_reason", sa.Text(), nullable=True))
    op.create_index(op.f("ix_api_key_tenant_id_created_by"), "api_key", ["tenant_id", "created_by"], unique=False)
    op.create_unique_constraint(op.f("uq_api_key_tenant_id_replaces"), "api_key", ["tenant_id", "replaces"])
    op.create_foreign_key(
        op.f("fk_api_key_api_key"),
        "api_key",
        "api_key",
        ["tenant_id", "created_by"],
        ["tenant_id", "id"],
        ondelete="cascade",
    )
    op.add_column("tenant", sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenant", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        "ck_api_key_revocation_reason",
        "api_key",
        "revocation_reason in ('requested', 'creator_revoked', 'rotated', 'tenant_deleted')",
    )
    # The audit log has the key whose request created each key.
    op.execute("""
        update api_key set created_by = creator.id, issued_by = creator.id
        from chassis.audit as entry join api_key as creator
            on creator.tenant_id = entry.tenant_id and entry.actor = 'key:' || creator.id
        where entry.tenant_id = api_key.tenant_id and entry.entity = 'api_key' and entry.action = 'created'
          and entry.entity_id = api_key.id
    """)
    op.execute("update api_key set revocation_reason = 'requested' where revoked_at is not null")
    op.execute("""
        create or replace view access_event with (security_invoker = true) as
            select tenant_id, id, at, actor, entity, entity_id, action, changes, trace_id from chassis.audit
    """)
    grant_view("access_event", "gateway")
    op.execute("""
                create or replace function find_api_keys(
                    wanted uuid[], out key_id uuid, out secret_hash bytea, out scopes text[], out expires_at timestamptz,
                    out revoked_at timestamptz, out suspended_at timestamptz, out tenant_id uuid, out name text,
                    out kind text, out timezone text, out currency text, out region text, out clock_at timestamptz
                )
                returns setof record
                language sql stable security definer set search_path = public, pg_temp as $$
                    select key.id, key.secret_hash, key.scopes, key.expires_at, key.revoked_at, tenant.suspended_at,
                           tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                           tenant.clock_at
                    from api_key as key join tenant on tenant.tenant_id = key.tenant_id
                    where key.id = any(wanted)
                $$
    """)
    op.execute("""
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
    """)
    # Only the API's login looks up keys: the worker has no use for them.
    for function in (
        "find_api_keys(uuid[])",
        "count_authentication_failures(uuid[], text[], bigint[], timestamptz)",
    ):
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to {api_role('gateway')}")
