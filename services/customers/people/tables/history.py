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
    """,
)
Base.metadata.info.setdefault("objects", []).append(clear_removed_history)
