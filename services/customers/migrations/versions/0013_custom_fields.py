"""Custom fields: their definitions, and the values by which records are filtered and sorted.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table, grant_function, grant_view

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the tables, the functions that compare values, and the triggers of customers."""
    _create_tables()
    for statement in (_RECORDS, _TEXT, _KEY, _FITS, _MISFITS, _CURRENT, _INDEX):
        op.execute(statement)
    grant_view("custom_record", "customers")
    for function in _FUNCTIONS:
        grant_function(function, "customers")
    for event, transitions in _TRANSITIONS.items():
        op.execute(
            f"create trigger index_custom_fields_on_{event} after {event} on customer {transitions} "
            "for each statement execute function index_custom_fields('customer')"
        )


def _create_tables() -> None:
    create_tenant_table(
        "custom_field_set",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("allow_undefined", sa.Boolean(), nullable=False),
        sa.CheckConstraint("record_kind in ('customer', 'deal')", name=op.f("ck_custom_field_set_record_kind")),
        sa.UniqueConstraint("tenant_id", "record_kind", name=op.f("uq_custom_field_set_tenant_id_record_kind")),
        append_only=False,
    )
    create_tenant_table(
        "custom_field",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("is_unique", sa.Boolean(), nullable=False),
        sa.Column("indexed", sa.Boolean(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filled_to", sa.Uuid(), nullable=True),
        sa.CheckConstraint("record_kind in ('customer', 'deal')", name=op.f("ck_custom_field_record_kind")),
        sa.CheckConstraint(
            "type in ('text', 'number', 'date', 'choice', 'boolean', 'reference')", name=op.f("ck_custom_field_type")
        ),
        sa.CheckConstraint("state in ('building', 'ready')", name=op.f("ck_custom_field_state")),
        sa.UniqueConstraint(
            "tenant_id", "record_kind", "name", name=op.f("uq_custom_field_tenant_id_record_kind_name")
        ),
        append_only=False,
    )
    create_tenant_table(
        "custom_field_value",
        "customers",
        sa.Column("field_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Text(collation="C"), nullable=False),
        sa.Column("unique_value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "field_id"],
            ["custom_field.tenant_id", "custom_field.id"],
            name=op.f("fk_custom_field_value_custom_field"),
            ondelete="cascade",
        ),
        sa.UniqueConstraint(
            "tenant_id", "record_id", "field_id", name=op.f("uq_custom_field_value_tenant_id_record_id_field_id")
        ),
        sa.UniqueConstraint(
            "tenant_id", "unique_value", "field_id", name=op.f("uq_custom_field_value_tenant_id_unique_value_field_id")
        ),
        append_only=False,
    )
    op.create_index(
        "ix_custom_field_value_tenant_id_field_id_value_record_id",
        "custom_field_value",
        ["tenant_id", "field_id", "value", "record_id"],
    )


_FUNCTIONS = (
    "custom_text(text)",
    "custom_value_key(text, jsonb)",
    "custom_value_fits(text, boolean, text[], jsonb)",
    "custom_field_misfits(text, text, text, boolean, boolean, boolean, text[])",
    "custom_fields_are_current(text, bigint)",
    "index_custom_fields()",
)
_TRANSITIONS = {
    "insert": "referencing new table as new_rows",
    "update": "referencing old table as old_rows new table as new_rows",
    "delete": "referencing old table as old_rows",
}
_RECORDS = """
    create or replace view custom_record with (security_invoker = true) as
        select tenant_id, 'customer'::text as record_kind, id, custom from customer
        where state not in ('merged', 'erased')
"""
_TEXT = """
    create or replace function custom_text(value text) returns text language sql immutable parallel safe
    return casefold(normalize(btrim(value), nfkc) collate pg_c_utf8)
"""
_KEY = """
    create or replace function custom_value_key(field_type text, value jsonb) returns text
    language plpgsql immutable parallel safe as $$
        declare
            content text := value #>> '{}';
        begin
            if field_type = 'number' then
                if jsonb_typeof(value) in ('number', 'string')
                    and content ~ '^-?[0-9]{1,18}([.][0-9]{1,10}0*)?$' then
                    return to_char(content::numeric + 1000000000000000000, 'FM0000000000000000000.0000000000');
                end if;
            elsif field_type = 'date' then
                if jsonb_typeof(value) = 'string' and content ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
                    and pg_input_is_valid(content, 'date') then
                    return content;
                end if;
            elsif field_type = 'boolean' then
                if jsonb_typeof(value) = 'boolean' then
                    return content;
                end if;
            elsif jsonb_typeof(value) = 'string' and content <> '' and char_length(content) <= 255 then
                return custom_text(content);
            end if;
            return '\U0010ffff';
        end
        $$
"""
_FITS = """
    create or replace function custom_value_fits(
        field_type text, is_indexed boolean, option_values text[], value jsonb
    ) returns boolean language sql immutable parallel safe
    return case field_type
        when 'text' then jsonb_typeof(value) = 'string'
            and char_length(value #>> '{}') <= case when is_indexed then 255 else 10000 end
        when 'choice' then jsonb_typeof(value) = 'string' and (value #>> '{}') = any(option_values)
        when 'boolean' then jsonb_typeof(value) = 'boolean'
        when 'number' then custom_value_key(field_type, value) <> '\U0010ffff'
        when 'date' then custom_value_key(field_type, value) <> '\U0010ffff'
        else jsonb_typeof(value) = 'string' and pg_input_is_valid(value #>> '{}', 'uuid')
    end
"""
_MISFITS = """
    create or replace function custom_field_misfits(
        of_kind text, field_name text, field_type text, is_required boolean, is_unique boolean, is_indexed boolean,
        option_values text[], out records bigint, out first_ids uuid[]
    ) language plpgsql stable as $$
        begin
            with field_value as materialized (
                select id, nullif(nullif(custom -> field_name, 'null'), '""') as value from custom_record
                where record_kind = of_kind and (is_required or custom ? field_name)
            ),
            compared as (
                select id, custom_value_key(field_type, value) as key from field_value
                where is_unique and value is not null
            ),
            misfit as (
                select id from field_value
                where case
                    when value is null then is_required
                    else not custom_value_fits(field_type, is_indexed, option_values, value)
                end
                union
                select id from (select id, count(*) over (partition by key) as holders from compared) as compared
                where holders > 1
                union
                select id from field_value
                where field_type = 'reference' and value is not null and not exists (
                    select from customer where customer.id = case
                        when pg_input_is_valid(value #>> '{}', 'uuid') then (value #>> '{}')::uuid
                    end
                )
            )
            select count(*), (array_agg(id order by id))[1:10] into records, first_ids from misfit;
        end
        $$
"""
_CURRENT = """
    create or replace function custom_fields_are_current(of_kind text, checked_version bigint) returns boolean
    language plpgsql as $$
        begin
            perform pg_advisory_xact_lock_shared(
                hashtextextended('custom_field ' || current_setting('app.tenant', true), 0)
            );
            if coalesce((select version from custom_field_set where record_kind = of_kind), 0) <> checked_version then
                raise exception 'the definitions of custom fields have changed' using errcode = 'serialization_failure';
            end if;
            return true;
        end
        $$
"""
_INDEX = """
    create or replace function index_custom_fields() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
        begin
            perform pg_advisory_xact_lock_shared(
                hashtextextended('custom_field ' || current_setting('app.tenant', true), 0)
            );
            if not exists (select from custom_field where record_kind = tg_argv[0] and indexed) then
                return null;
            end if;
            if tg_op = 'INSERT' then
                insert into custom_field_value
                    (tenant_id, field_id, record_id, value, unique_value)
                select written.tenant_id, field.id, written.id, key,
                    case when field.is_unique then nullif(key, '\U0010ffff') end
                from new_rows as written
                join custom_field as field
                    on field.tenant_id = written.tenant_id and record_kind = tg_argv[0] and indexed
                cross join lateral custom_value_key(field.type, written.custom -> field.name) as key;
            elsif tg_op = 'UPDATE' then
                delete from custom_field_value as value using new_rows as written
                where value.tenant_id = written.tenant_id and value.record_id = written.id
                    and to_jsonb(written) ->> 'state' in ('merged', 'erased');
                insert into custom_field_value
                    (tenant_id, field_id, record_id, value, unique_value)
                select written.tenant_id, field.id, written.id, key,
                    case when field.is_unique then nullif(key, '\U0010ffff') end
                from new_rows as written
                join old_rows as former using (tenant_id, id)
                join custom_field as field
                    on field.tenant_id = written.tenant_id and record_kind = tg_argv[0] and indexed
                cross join lateral custom_value_key(field.type, written.custom -> field.name) as key
                where coalesce(to_jsonb(written) ->> 'state', '') not in ('merged', 'erased') and (
                    written.custom -> field.name is distinct from former.custom -> field.name
                    or to_jsonb(former) ->> 'state' in ('merged', 'erased')
                )
                on conflict (tenant_id, field_id, record_id) do update
                set value = excluded.value, unique_value = excluded.unique_value;
            else
                delete from custom_field_value as value using old_rows as former
                where value.tenant_id = former.tenant_id and value.record_id = former.id;
            end if;
            return null;
        end
        $$
"""
