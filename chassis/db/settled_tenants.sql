alter table <schema>.tenant add column settled_event_id uuid;

comment on column <schema>.tenant.settled_event_id is 'The event with whose facts all periodic tasks have run.';

create index ix_dead_letter_tenant_id on <schema>.dead_letter (tenant_id);

create or replace function <schema>.counts(
    out outbox_pending bigint, out outbox_oldest_seconds double precision, out dead_letters bigint, out backlog bigint
)
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select (select count(*) from (select from outbox limit 10000) as counted),
           coalesce((
               select extract(epoch from clock_timestamp() - written_at) from outbox order by seq limit 1
           ), 0),
           (select count(*) from (select from dead_letter limit 10000) as counted),
           (select count(*) from (select from backlog limit 10000) as counted)
$$;

drop function <schema>.tenant_counts();

create function <schema>.tenant_counts(
    out outbox_pending bigint, out outbox_oldest_seconds double precision, out dead_letters bigint,
    out backlog bigint, out settled_facts jsonb
)
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select (
               select count(*) from (
                   select from outbox where tenant_id = (select <current_tenant>) limit 10000
               ) as counted
           ),
           coalesce((
               select extract(epoch from clock_timestamp() - written_at) from outbox
               where tenant_id = (select <current_tenant>) order by seq limit 1
           ), 0),
           (
               select count(*) from (
                   select from dead_letter where tenant_id = (select <current_tenant>) limit 10000
               ) as counted
           ),
           (
               select count(*) from (
                   select from backlog where tenant_id = (select <current_tenant>) limit 10000
               ) as counted
           ),
           (
               select facts from tenant
               where tenant_id = (select <current_tenant>) and settled_event_id is not distinct from event_id
           )
$$;

comment on function <schema>.tenant_counts is 'The counts of the status page, of the current tenant only, up to 10,000.';

revoke all on function <schema>.tenant_counts from public;

grant execute on function <schema>.tenant_counts to <api>, <worker>
