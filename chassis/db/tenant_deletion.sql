create table <schema>.deleted_tenant (
    tenant_id uuid primary key,
    deleted_at timestamptz not null default now(),
    finished_at timestamptz
);

comment on table <schema>.deleted_tenant is 'Tenants whose rows are deleted. Late events of them are ignored.';

create index ix_deleted_tenant_unfinished on <schema>.deleted_tenant (tenant_id) where finished_at is null;

alter table <schema>.deleted_tenant enable row level security;

create policy every_tenant on <schema>.deleted_tenant to <worker> using (true);

grant select, insert, update on <schema>.deleted_tenant to <worker>;

grant delete on <schema>.tenant to <worker>;

create function <schema>.purge_tenant(wanted uuid, max_rows bigint) returns bigint
language plpgsql security definer set search_path = <schema>, pg_temp as $$
declare
    target record;
    deleted bigint;
    total bigint := 0;
begin
    if not exists (select from deleted_tenant where tenant_id = wanted) then
        raise exception 'the tenant % is not deleted', wanted;
    end if;
    -- Tables that refer to others come first. A table is begun only once the tables before it are empty.
    for target in
        with recursive reached(id, depth) as (
            select pg_class.oid, 0 from pg_class join pg_attribute on attrelid = pg_class.oid
            where attname = 'tenant_id' and not attisdropped and relkind in ('r', 'p')
              and relnamespace in ('public'::regnamespace, '<schema>'::regnamespace)
              and pg_class.oid <> 'deleted_tenant'::regclass
            union
            select conrelid, depth + 1 from reached join pg_constraint on confrelid = reached.id
            where contype = 'f' and conrelid <> confrelid and depth < 50
        )
        select id::regclass::text as name from reached group by id order by max(depth) desc, name
    loop
        execute format(
            'delete from %1$s where ctid = any(array(select ctid from %1$s where tenant_id = $1 limit $2))', target.name
        ) using wanted, max_rows - total;
        get diagnostics deleted = row_count;
        total := total + deleted;
        exit when total >= max_rows;
    end loop;
    return total;
end $$;

comment on function <schema>.purge_tenant is 'Deletes up to that many rows of a deleted tenant, from all tables. Returns their number.';

revoke all on function <schema>.purge_tenant from public;

grant execute on function <schema>.purge_tenant to <worker>;

create function <schema>.tenant_counts(
    out outbox_pending bigint, out outbox_oldest_seconds double precision, out dead_letters bigint, out backlog bigint
)
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select (select count(*) from outbox where tenant_id = (select <current_tenant>)),
           coalesce((
               select extract(epoch from clock_timestamp() - min(written_at)) from outbox
               where tenant_id = (select <current_tenant>)
           ), 0),
           (select count(*) from dead_letter where tenant_id = (select <current_tenant>)),
           (select count(*) from backlog where tenant_id = (select <current_tenant>))
$$;

comment on function <schema>.tenant_counts is 'The counts of the status page, of the current tenant only.';

revoke all on function <schema>.tenant_counts from public;

grant execute on function <schema>.tenant_counts to <api>, <worker>
