"""Expire de-selections under appeal, and clear the history of removed records.

Revision ID: 0031
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import grant_function

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
    grant_function("clear_removed_history(text, uuid[])", "customers")


_CLEAR_REMOVED_HISTORY = """
    create or replace function clear_removed_history(target text, wanted uuid[]) returns bigint
    language plpgsql security definer set search_path = public, pg_temp as $$
        declare
            cleared bigint;
        begin
            execute format(
                'update chassis.audit set changes = ''{}'' where tenant_id = $1 and entity = %1$L '
                'and entity_id = any($2) and changes <> ''{}'' '
                'and not exists (select from %1$I as kept where kept.tenant_id = $1 and kept.id = entity_id)',
                target
            ) using (select nullif(current_setting('app.tenant', true), '')::uuid), wanted;
            get diagnostics cleared = row_count;
            return cleared;
        end
        $$
"""
