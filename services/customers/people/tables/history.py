"""The history of records that no longer exist."""

from chassis import DatabaseFunction
from services.customers.base import Base

# Logins may only add to the audit log. This function clears entries, but none of a record that exists.
clear_removed_history = DatabaseFunction(
    "clear_removed_history(text, uuid[])",
    """
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
    """,
)
Base.metadata.info.setdefault("objects", []).append(clear_removed_history)
