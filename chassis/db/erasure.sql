create table <schema>.erased_person (
    tenant_id uuid not null,
    person_id uuid not null,
    erasure_id uuid not null,
    erased_at timestamptz not null default now(),
    counts jsonb not null default '[]',
    settled_at timestamptz,
    primary key (tenant_id, person_id)
);

comment on table <schema>.erased_person is 'Persons that were erased, by id alone. Late events and requests do not bring them back.';

create index ix_erased_person_unsettled on <schema>.erased_person (tenant_id, person_id) where settled_at is null;

alter table <schema>.erased_person enable row level security;

create policy tenant on <schema>.erased_person using (tenant_id = (select <current_tenant>));

create policy every_tenant on <schema>.erased_person for all to <worker> using (true);

grant select on <schema>.erased_person to <api>;

grant select, insert, update on <schema>.erased_person to <worker>;

grant update (data, size) on <schema>.outbox to <worker>;

grant update (data) on <schema>.published_event to <worker>;

grant update (status, headers, body) on <schema>.idempotency to <worker>;

create function <schema>.erase_rows(wanted uuid[], target text, named text, cleared jsonb) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    own uuid := (select <current_tenant>);
    old text;
    blank text;
    affected bigint;
begin
    if exists (
        select from unnest(wanted) as id where not exists (
            select from <schema>.erased_person where tenant_id = (select <current_tenant>) and person_id = id
        )
    ) then
        raise exception 'not every person is erased';
    end if;
    execute format(
        'update <schema>.audit set changes = ''{}'' where tenant_id = $2 and entity = %1$L and changes <> ''{}'' '
        'and entity_id in (select id from %1$I where tenant_id = $2 and %2$I = any($1))', target, named
    ) using wanted, own;
    if cleared is null then
        execute format('delete from %I where tenant_id = $2 and %I = any($1)', target, named) using wanted, own;
        get diagnostics affected = row_count;
    elsif cleared = '{}' then
        execute format('select count(*) from %I where tenant_id = $2 and %I = any($1)', target, named)
            into affected using wanted, own;
    else
        select string_agg(format('%I', key), ', '), string_agg(format('blank.%I', key), ', ') into old, blank
        from jsonb_object_keys(cleared) as key;
        execute format(
            'update %1$I as kept set (%3$s) = row(%4$s) from jsonb_populate_record(null::%1$I, $3) as blank '
            'where kept.tenant_id = $2 and kept.%2$I = any($1) and row(%5$s) is distinct from row(%4$s)',
            target, named, old, blank, replace(blank, 'blank.', 'kept.')
        ) using wanted, own, cleared;
        get diagnostics affected = row_count;
    end if;
    return affected;
end $$;

comment on function <schema>.erase_rows is 'Deletes the rows about erased persons, blanks columns of them, or only counts them. Clears their changes in the audit log.';

revoke all on function <schema>.erase_rows from public;

grant execute on function <schema>.erase_rows to <worker>
;

create function <schema>.reject_erased() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (
        select from <schema>.erased_person join added on person_id = added.customer_id
        where erased_person.tenant_id = (select <current_tenant>)
    ) then
        raise exception 'the person was erased' using errcode = 'unique_violation';
    end if;
    return null;
end $$;

comment on function <schema>.reject_erased is 'Trigger: rows of erased persons conflict, so that the request runs again, and sees who was erased.'
