"""Definitions of custom fields, the values by which records are filtered and sorted, and saved views.

The values of a record's fields are in its own column `custom`. Triggers on its table keep `custom_field_value` in line
with them, in the same statement. To add custom fields to another table of records:

- give it the columns `id` and `custom` (jsonb), and the name of a `RecordKind`;
- add it to the view `custom_record`, in a migration that also calls `index_custom_fields` for it;
- check its records with `CustomFields.load`, `check` and `confirm` of `queries.custom_fields` when they are written.
"""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field

from chassis import (
    DatabaseFunction,
    DatabaseView,
    Person,
    Versioned,
    belongs_to,
    choice,
    document,
    index,
    text_list,
    unique,
)
from services.customers.base import Base
from services.customers.customization.rules.custom_fields import CustomFieldState, CustomFieldType, RecordKind

ABSENT = "\U0010ffff"
"""Stored for a record without a value. It is the last in order."""


class CustomFieldSet(Versioned, Base, table=True):
    """The custom fields of a kind of record. Its version rises with every change of a definition."""

    __tablename__ = "custom_field_set"
    __table_args__ = (unique("record_kind"),)

    record_kind: RecordKind = choice(RecordKind, "record_kind")
    allow_undefined: bool = True
    """If false, records may not have custom fields that are not defined."""


class CustomField(Versioned, Base, table=True):
    """The definition of a custom field."""

    __tablename__ = "custom_field"
    __table_args__ = (unique("record_kind", "name"),)
    audited: ClassVar[bool] = True

    record_kind: RecordKind = choice(RecordKind, "record_kind")
    name: str
    label: str | None = None
    description: str | None = None
    type: CustomFieldType = choice(CustomFieldType, "type")
    required: bool = False
    is_unique: bool = False
    indexed: bool = False
    options: list[dict[str, Any]] = document(default_factory=list)
    state: CustomFieldState = choice(CustomFieldState, "state", default="ready")
    filled_to: UUID | None = None
    """While the values of existing records are stored: the last record that is done."""


class CustomFieldValue(Base, table=True):
    """A record's value of an indexed field, as a text that is compared byte by byte.

    It is a text for every type: PostgreSQL does not let row-level security use an index of numbers, whose comparison
    might reveal rows by its errors. A record without a value has the last text in order.
    """

    __tablename__ = "custom_field_value"
    __table_args__ = (
        belongs_to("field_id", "custom_field", cascade=True),
        # Only the last begins with the field, so that no plan reads all of a field for a value.
        unique("record_id", "field_id"),
        unique("unique_value", "field_id"),
        index("field_id", "value", "record_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person("record_id", merge="own"),)

    field_id: UUID
    record_id: UUID
    value: str = Field(sa_type=Text(collation="C"))
    unique_value: str | None = None


class SavedView(Versioned, Base, table=True):
    """The parameters of a list, saved under a name."""

    __tablename__ = "saved_view"
    __table_args__ = (index("name", "id"),)

    record_kind: RecordKind = choice(RecordKind, "record_kind")
    name: str
    filters: dict[str, list[str]] = document(default_factory=dict)
    sort: str | None = None
    columns: list[str] = text_list()
    shared: bool = False
    owner: str


@dataclass(frozen=True, slots=True)
class CustomRecord:
    """A record with custom fields."""

    tenant_id: UUID
    record_kind: str
    id: UUID
    custom: dict[str, Any]


custom_record = DatabaseView(
    "custom_record",
    CustomRecord,
    """
    create or replace view custom_record with (security_invoker = true) as
        select tenant_id, 'customer'::text as record_kind, id, custom from customer
        where state not in ('merged', 'erased')
        union all select tenant_id, 'deal', id, custom from deal
    """,
)
# A value is compared without case, and in the compatibility form of Unicode: a full-width digit is a digit.
custom_text = DatabaseFunction(
    "custom_text(text)",
    """
    create or replace function custom_text(value text) returns text language sql immutable parallel safe
    return casefold(normalize(btrim(value), nfkc) collate pg_c_utf8)
    """,
)
# Texts of numbers have the same length and no sign: 10^18 is added. Texts of dates are in order as they are.
# The last text in order is that of records without a value, and of values that do not fit.
custom_value_key = DatabaseFunction(
    "custom_value_key(text, jsonb)",
    f"""
    create or replace function custom_value_key(field_type text, value jsonb) returns text
    language plpgsql immutable parallel safe as $$
        declare
            content text := value #>> '{{}}';
        begin
            if field_type = 'number' then
                if jsonb_typeof(value) in ('number', 'string')
                    and content ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,10}}0*)?$' then
                    return to_char(content::numeric + 1000000000000000000, 'FM0000000000000000000.0000000000');
                end if;
            elsif field_type = 'date' then
                if jsonb_typeof(value) = 'string' and content ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
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
            return '{ABSENT}';
        end
        $$
    """,
)
custom_value_fits = DatabaseFunction(
    "custom_value_fits(text, boolean, text[], jsonb)",
    f"""
    create or replace function custom_value_fits(
        field_type text, is_indexed boolean, option_values text[], value jsonb
    ) returns boolean language sql immutable parallel safe
    return case field_type
        when 'text' then jsonb_typeof(value) = 'string'
            and char_length(value #>> '{{}}') <= case when is_indexed then 255 else 10000 end
        when 'choice' then jsonb_typeof(value) = 'string' and (value #>> '{{}}') = any(option_values)
        when 'boolean' then jsonb_typeof(value) = 'boolean'
        when 'number' then custom_value_key(field_type, value) <> '{ABSENT}'
        when 'date' then custom_value_key(field_type, value) <> '{ABSENT}'
        else jsonb_typeof(value) = 'string' and pg_input_is_valid(value #>> '{{}}', 'uuid')
    end
    """,
)
custom_field_misfits = DatabaseFunction(
    "custom_field_misfits(text, text, text, boolean, boolean, boolean, text[])",
    """
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
    """,
)
# A change of definitions holds the lock alone. So a record that was checked against former ones is checked again.
custom_fields_are_current = DatabaseFunction(
    "custom_fields_are_current(text, bigint)",
    """
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
    """,
)
index_custom_fields = DatabaseFunction(
    "index_custom_fields()",
    f"""
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
                    case when field.is_unique then nullif(key, '{ABSENT}') end
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
                    case when field.is_unique then nullif(key, '{ABSENT}') end
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
    """,
)


Base.metadata.info.setdefault("objects", []).extend(
    (
        custom_record,
        custom_text,
        custom_value_key,
        custom_value_fits,
        custom_field_misfits,
        custom_fields_are_current,
        index_custom_fields,
    )
)
