"""Expire de-selections under appeal, and clear the history of removed records.

Revision ID: 0031
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import worker_role

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Let the index of due de-selections contain those under appeal, and create the function."""
    op.drop_index("ix_deselection_due", "deselection")
    op.create_index(
        "ix_deselection_due",
        "deselection",
        ["tenant_id", "id"],
        postgresql_where=sa.text("state in ('proposed', 'approved', 'in_effect', 'appealed')"),
    )
    op.execute(_CLEAR_REMOVED_HISTORY)
    op.execute("revoke all on function clear_removed_history(text, uuid[]) from public")
    op.execute(f"grant execute on function clear_removed_history(text, uuid[]) to {worker_role('customers')}")


_CLEAR_REMOVED_HISTORY = """
    create or replace function clear_removed_history(target text, wanted uuid[]) returns bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
        declare
            removed uuid[];
            cleared bigint;
        begin
            execute format(
                'select array_agg(gone.id) from unnest($1) as gone(id) where not exists ('
                'select from %I as kept where kept.tenant_id = $2 and kept.id = gone.id)',
                target
            ) into removed using wanted, nullif(current_setting('app.tenant', true), '')::uuid;
            update chassis.audit set changes = '{}'
            where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                and entity = target and entity_id = any(removed) and changes <> '{}';
            get diagnostics cleared = row_count;
            return cleared;
        end
        $$
"""
