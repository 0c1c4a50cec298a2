alter table <schema>.outbox add column size integer not null default 0;

comment on column <schema>.outbox.size is 'Bytes of the data, so that the relay can limit a batch before it reads them.';

alter table <schema>.outbox add column sequence bigint;

comment on column <schema>.outbox.sequence is 'The sequence of an event that is published again. Null: the row''s own seq.';

create index ix_outbox_tenant_id_seq on <schema>.outbox (tenant_id, seq);

create table <schema>.published_event (
    position bigint generated always as identity primary key,
    event_id uuid not null unique,
    seq bigint not null,
    tenant_id uuid not null,
    type text not null,
    subject text not null,
    time timestamptz not null,
    actor text not null,
    traceparent text,
    data json not null
);

comment on table <schema>.published_event is 'Events that Kafka has acknowledged. The relay moves them here from the outbox.';

comment on column <schema>.published_event.position is 'The order of publication. Only the relay writes, so it has no late numbers.';

alter table <schema>.published_event enable row level security;

create policy every_tenant on <schema>.published_event to <worker> using (true);

grant select, insert, delete on <schema>.published_event to <worker>;

alter table <schema>.inbox add column type text;

comment on column <schema>.inbox.type is 'The type of the event. Null in rows from before this column.';

alter table <schema>.tenant add column event_id uuid;

comment on column <schema>.tenant.event_id is 'The event that carried the facts. Ids increase with time, and an older event does not replace them.';

create table <schema>.backlog (
    id bigint generated always as identity primary key,
    tenant_id uuid not null,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    key bytea,
    headers jsonb not null,
    value bytea,
    added_at timestamptz not null default now()
);

comment on table <schema>.backlog is 'Events of tenants that are behind. They wait here, so that Kafka''s partitions move on for the others.';

create index ix_backlog_tenant_id_id on <schema>.backlog (tenant_id, id);

alter table <schema>.backlog enable row level security;

create policy every_tenant on <schema>.backlog to <worker> using (true);

grant select, insert, delete on <schema>.backlog to <worker>;

alter table <schema>.dead_letter drop constraint dead_letter_topic_partition_record_offset_feature_key;

create unique index uq_dead_letter on <schema>.dead_letter
    (topic, partition, record_offset, feature, (coalesce(event_id::text, md5(value), '')));

comment on index <schema>.uq_dead_letter is 'A topic that was created again uses its offsets again, so they identify no event.';

drop function <schema>.counts();

create function <schema>.counts(
    out outbox_pending bigint, out outbox_oldest_seconds double precision, out dead_letters bigint, out backlog bigint
)
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter),
           (select count(*) from backlog)
$$;

comment on function <schema>.counts is 'What the status page tells of this service: counts only, no tenant''s content.';

revoke all on function <schema>.counts from public;

grant execute on function <schema>.counts to <api>, <worker>;

create function <schema>.published_tallies(
    since uuid, until uuid, out type text, out day date, out events bigint, out hash bigint
)
returns setof record
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select type, date(uuid_extract_timestamp(event_id) at time zone 'UTC'), count(*),
           bit_xor(uuid_hash_extended(event_id, 0))
    from published_event where event_id >= since and event_id < until group by 1, 2
$$;

comment on function <schema>.published_tallies is 'Counts and hashes of the events of all tenants that this service has published.';

revoke all on function <schema>.published_tallies from public;

grant execute on function <schema>.published_tallies to <api>, <worker>;

create function <schema>.applied_tallies(
    since uuid, until uuid, out feature text, out type text, out day date, out events bigint, out hash bigint
)
returns setof record
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select feature, type, date(uuid_extract_timestamp(event_id) at time zone 'UTC'), count(*),
           bit_xor(uuid_hash_extended(event_id, 0))
    from inbox
    where applied_at >= uuid_extract_timestamp(since) - interval '1 day' and event_id >= since and event_id < until
      and type is not null
    group by 1, 2, 3
$$;

comment on function <schema>.applied_tallies is 'Counts and hashes of the events of all tenants that each feature has applied.';

revoke all on function <schema>.applied_tallies from public;

grant execute on function <schema>.applied_tallies to <api>, <worker>
