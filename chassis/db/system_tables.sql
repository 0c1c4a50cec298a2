create table <schema>.tenant (
    tenant_id uuid primary key,
    name text not null,
    kind text not null check (kind in ('live', 'sandbox')),
    timezone text not null,
    currency text not null,
    region text not null,
    clock_at timestamptz
);

comment on table <schema>.tenant is 'What this service knows of a tenant; told by gateway.tenant_changed.';

create table <schema>.outbox (
    seq bigint generated always as identity primary key,
    event_id uuid not null,
    tenant_id uuid not null,
    type text not null,
    subject text not null,
    time timestamptz not null,
    actor text not null,
    traceparent text,
    data json not null,
    written_at timestamptz not null default now()
);

comment on table <schema>.outbox is 'Events on their way to Kafka: written with what they tell of, deleted by the relay.';

alter table <schema>.outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table <schema>.inbox (
    tenant_id uuid not null,
    event_id uuid not null,
    feature text not null,
    applied_at timestamptz not null default now(),
    primary key (tenant_id, event_id, feature)
);

comment on table <schema>.inbox is 'Events that a feature has seen: each is applied once.';

create index ix_inbox_applied_at on <schema>.inbox (applied_at);

create table <schema>.dead_letter (
    id uuid primary key,
    tenant_id uuid,
    feature text not null,
    event_id uuid,
    type text,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    key bytea,
    headers jsonb not null,
    value bytea,
    reason text not null,
    attempts integer not null,
    parked_at timestamptz not null default now(),
    unique (topic, partition, record_offset, feature)
);

comment on table <schema>.dead_letter is 'Events that a feature could not apply, with the reason; replayed by command.';

create table <schema>.idempotency (
    tenant_id uuid not null,
    principal text not null,
    operation text not null,
    key text not null,
    fingerprint bytea not null,
    status integer not null,
    headers jsonb not null,
    body bytea not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, principal, operation, key)
);

comment on table <schema>.idempotency is 'Answers to requests that carried an Idempotency-Key.';

create index ix_idempotency_created_at on <schema>.idempotency (created_at);

create table <schema>.audit (
    tenant_id uuid not null,
    id uuid not null default uuidv7(),
    at timestamptz not null,
    actor text not null,
    entity text not null,
    entity_id uuid not null,
    action text not null,
    changes jsonb not null,
    trace_id text not null,
    primary key (tenant_id, id)
);

comment on table <schema>.audit is 'Who changed what, when, from what to what.';

create index ix_audit_entity on <schema>.audit (tenant_id, entity, entity_id, id);

grant usage on schema <schema> to <api>, <worker>;

grant select on <schema>.alembic_version to <api>, <worker>;

alter table <schema>.tenant enable row level security;

create policy tenant on <schema>.tenant using (tenant_id = (select <current_tenant>));

create policy every_tenant on <schema>.tenant to <worker> using (true);

grant select on <schema>.tenant to <api>, <worker>;

grant insert, update on <schema>.tenant to <worker>;

alter table <schema>.outbox enable row level security;

create policy tenant on <schema>.outbox for insert with check (tenant_id = (select <current_tenant>));

create policy every_tenant on <schema>.outbox to <worker> using (true);

grant insert on <schema>.outbox to <api>;

grant select, insert, delete on <schema>.outbox to <worker>;

alter table <schema>.inbox enable row level security;

create policy every_tenant on <schema>.inbox to <worker> using (true);

grant select, insert, delete on <schema>.inbox to <worker>;

alter table <schema>.dead_letter enable row level security;

create policy every_tenant on <schema>.dead_letter to <worker> using (true);

grant select, insert, update, delete on <schema>.dead_letter to <worker>;

alter table <schema>.idempotency enable row level security;

create policy tenant on <schema>.idempotency using (tenant_id = (select <current_tenant>));

create policy every_tenant on <schema>.idempotency for all to <worker> using (true);

grant select, insert on <schema>.idempotency to <api>;

grant select, delete on <schema>.idempotency to <worker>;

alter table <schema>.audit enable row level security;

create policy tenant on <schema>.audit using (tenant_id = (select <current_tenant>));

grant select, insert on <schema>.audit to <api>, <worker>;

create function <schema>.counts(out outbox_pending bigint, out outbox_oldest_seconds double precision, out dead_letters bigint)
language sql stable security definer set search_path = <schema>, pg_temp as $$
    select (select count(*) from outbox),
           coalesce((select extract(epoch from clock_timestamp() - min(written_at)) from outbox), 0),
           (select count(*) from dead_letter)
$$;

comment on function <schema>.counts is 'What the status page tells of this service: counts only, no tenant''s content.';

revoke all on function <schema>.counts from public;

grant execute on function <schema>.counts to <api>, <worker>
