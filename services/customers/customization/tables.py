"""Definitions of custom fields, the values by which records are filtered and sorted, and saved views.

The values of a record's fields are in its own column `custom`. Triggers on its table keep `custom_field_value` in line
with them, in the same statement. To add custom fields to another table of records:

- give it the columns `id` and `custom` (jsonb), and the name of a `RecordKind`;
- add it to the view `custom_record`, in a migration that also calls `index_custom_fields` for it;
- check its records with `CustomFields.load`, `check` and `confirm` of `queries.custom_fields` when they are written.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Numeric, Text
from sqlmodel import Field

from chassis import DatabaseFunction, DatabaseView, Person, Versioned, belongs_to, choice, document, index, unique
from services.customers.base import Base
from services.customers.customization.rules.custom_fields import CustomFieldState, CustomFieldType, RecordKind

ABSENT_TEXT = "\U0010ffff"
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
    """A record's value of an indexed field, as it is compared. A record without a value has the last one in order."""

    __tablename__ = "custom_field_value"
    __table_args__ = (
        belongs_to("field_id", "custom_field", cascade=True),
        unique("field_id", "record_id"),
        unique("field_id", "unique_value"),
        index("record_id"),
        index("field_id", "text_value", "record_id"),
        index("field_id", "number_value", "record_id"),
        index("field_id", "date_value", "record_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person("record_id", merge="own"),)

    field_id: UUID
    record_id: UUID
    text_value: str | None = Field(default=None, sa_type=Text(collation="C"))
    number_value: Decimal | None = Field(default=None, sa_type=Numeric)
    date_value: date | None = None
    unique_value: str | None = None


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
# The last values in order are those of records without a value, and of values that do not fit.
custom_value_key = DatabaseFunction(
    "custom_value_key(text, jsonb)",
    f"""
    create or replace function custom_value_key(
        field_type text, value jsonb, out text_value text, out number_value numeric, out date_value date
    ) language plpgsql immutable parallel safe as $$
        declare
            content text := value #>> '{{}}';
        begin
            if field_type = 'number' then
                number_value := 'infinity';
                if jsonb_typeof(value) in ('number', 'string')
                    and content ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,10}}0*)?$' then
                    number_value := trim_scale(content::numeric);
                end if;
            elsif field_type = 'date' then
                date_value := 'infinity';
                if jsonb_typeof(value) = 'string' and content ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
                    and pg_input_is_valid(content, 'date') then
                    date_value := content::date;
                end if;
            else
                text_value := '{ABSENT_TEXT}';
                if jsonb_typeof(value) = (case field_type when 'boolean' then 'boolean' else 'string' end)
                    and content <> '' and char_length(content) <= 255 then
                    text_value := custom_text(content);
                end if;
            end if;
        end
        $$
    """,
)
custom_value_fits = DatabaseFunction(
    "custom_value_fits(text, boolean, text[], jsonb)",
    """
    create or replace function custom_value_fits(
        field_type text, is_indexed boolean, option_values text[], value jsonb
    ) returns boolean language sql immutable parallel safe
    return case field_type
        when 'text' then jsonb_typeof(value) = 'string'
            and char_length(value #>> '{}') <= case when is_indexed then 255 else 10000 end
        when 'choice' then jsonb_typeof(value) = 'string' and (value #>> '{}') = any(option_values)
        when 'boolean' then jsonb_typeof(value) = 'boolean'
        when 'number' then (custom_value_key(field_type, value)).number_value < 'infinity'
        when 'date' then (custom_value_key(field_type, value)).date_value < 'infinity'
        else jsonb_typeof(value) = 'string' and pg_input_is_valid(value #>> '{}', 'uuid')
    end
    """,
)
custom_unique_value = DatabaseFunction(
    "custom_unique_value(text, numeric, date)",
    f"""
    create or replace function custom_unique_value(text_value text, number_value numeric, date_value date) returns text
    language sql immutable parallel safe
    return coalesce(
        nullif(text_value, '{ABSENT_TEXT}'), nullif(number_value, 'infinity')::text,
        nullif(date_value, 'infinity')::text
    )
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
                select id, row(custom_value_key(field_type, value)) as key from field_value
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
    """
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
                    (tenant_id, field_id, record_id, text_value, number_value, date_value, unique_value)
                select written.tenant_id, field.id, written.id, key.*,
                    case when field.is_unique
                        then custom_unique_value(key.text_value, key.number_value, key.date_value)
                    end
                from new_rows as written
                join custom_field as field
                    on field.tenant_id = written.tenant_id and record_kind = tg_argv[0] and indexed
                cross join lateral custom_value_key(field.type, written.custom -> field.name) as key;
            elsif tg_op = 'UPDATE' then
                delete from custom_field_value as value using new_rows as written
                where value.tenant_id = written.tenant_id and value.record_id = written.id
                    and to_jsonb(written) ->> 'state' in ('merged', 'erased');
                insert into custom_field_value
                    (tenant_id, field_id, record_id, text_value, number_value, date_value, unique_value)
                select written.tenant_id, field.id, written.id, key.*,
                    case when field.is_unique
                        then custom_unique_value(key.text_value, key.number_value, key.date_value)
                    end
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
                set text_value = excluded.text_value, number_value = excluded.number_value,
                    date_value = excluded.date_value, unique_value = excluded.unique_value;
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
        custom_unique_value,
        custom_field_misfits,
        custom_fields_are_current,
        index_custom_fields,
    )
)
