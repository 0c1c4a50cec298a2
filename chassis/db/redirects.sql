create table <schema>.merge (
    tenant_id uuid not null default <current_tenant>,
    id uuid not null,
    merged_id uuid not null,
    survivor_id uuid not null,
    number bigint not null,
    undone boolean not null,
    recorded_at timestamptz not null default now(),
    settled boolean not null default false,
    primary key (tenant_id, id)
);

comment on table <schema>.merge is 'Merges of two persons that this service knows of.';

create index ix_merge_merged_id on <schema>.merge (tenant_id, merged_id);

create index ix_merge_survivor_id on <schema>.merge (tenant_id, survivor_id);

create index ix_merge_unsettled on <schema>.merge (tenant_id, recorded_at) where not settled;

create table <schema>.redirect (
    tenant_id uuid not null default <current_tenant>,
    id uuid not null,
    target_id uuid not null,
    primary key (tenant_id, id)
);

comment on table <schema>.redirect is 'Merged persons, and the person to whom their rows belong now.';

create table <schema>.moved_row (
    tenant_id uuid not null default <current_tenant>,
    table_name text not null,
    column_name text not null,
    row_id uuid not null,
    original_id uuid not null,
    primary key (tenant_id, table_name, column_name, row_id)
);

comment on table <schema>.moved_row is 'Rows of merged persons that moved, and the person under whom they were recorded.';

create index ix_moved_row_original_id on <schema>.moved_row (tenant_id, original_id, table_name, column_name);

alter table <schema>.merge enable row level security;

create policy tenant on <schema>.merge using (tenant_id = (select <current_tenant>));

grant select, insert, update on <schema>.merge to <api>, <worker>;

alter table <schema>.redirect enable row level security;

create policy tenant on <schema>.redirect using (tenant_id = (select <current_tenant>));

grant select, insert, update, delete on <schema>.redirect to <api>, <worker>;

alter table <schema>.moved_row enable row level security;

create policy tenant on <schema>.moved_row using (tenant_id = (select <current_tenant>));

grant select, insert, update, delete on <schema>.moved_row to <api>, <worker>
