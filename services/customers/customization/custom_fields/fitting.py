"""Existing records and a definition: those that do not fit it, and the values that are stored for its index."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chassis import Command, Feature, Query, UnitOfWork, Work
from services.customers.customization import tables
from services.customers.customization.custom_fields.events import ValuesDoNotFit, changed_event
from services.customers.customization.custom_fields.schemas import CustomFieldReport, option_values

feature = Feature("custom-fields")

BATCH_SIZE = 1_000
"""Records whose values are stored in a transaction, during which no record with custom fields is written."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records whose values have been stored."""

    records: int
    last: UUID | None


async def lock_definitions(work: UnitOfWork) -> None:
    """Let no other transaction of the tenant write records with custom fields, or definitions, until the commit."""
    await work.fetch(_LOCK)


async def report_misfits(work: UnitOfWork, field: tables.CustomField) -> CustomFieldReport:
    """Return the records that do not fit a definition, whether it is stored or not."""
    (report,) = await work.fetch(
        _MISFITS,
        kind=field.record_kind,
        name=field.name,
        type=field.type,
        required=field.required,
        is_unique=field.is_unique,
        indexed=field.indexed,
        options=option_values(field.options),
    )
    return report


async def reject_misfits(work: UnitOfWork, field: tables.CustomField) -> None:
    """Raise ValuesDoNotFit if existing records do not fit a definition."""
    report = await report_misfits(work, field)
    if report.records:
        raise ValuesDoNotFit(
            f"{report.records} records do not fit.",
            records=report.records,
            first_ids=[str(id) for id in report.first_ids],
        )


async def fill_index(work: UnitOfWork, field: tables.CustomField) -> bool:
    """Store the values of the next records for an index that is building. Returns whether they were the last.

    The caller holds the lock of the definitions: a record that changed meanwhile would leave its former value.
    """
    batch = await work.fetch_row(
        _FILL,
        field_id=field.id,
        kind=field.record_kind,
        name=field.name,
        type=field.type,
        is_unique=field.is_unique,
        absent=tables.ABSENT,
        after=field.filled_to or UUID(int=0),
        most=BATCH_SIZE,
    )
    if batch.last is not None:
        await work.execute(_SET_FILLED, field_id=field.id, filled_to=batch.last)
    return batch.records < BATCH_SIZE


@feature.periodic(every=timedelta(seconds=15))
async def fill_custom_field_indexes(work: Work) -> bool:
    """Store a batch of values for an index that is building. Returns whether there may be more."""
    if await work.find(tables.CustomField, state="building") is None:
        return False
    await lock_definitions(work)
    field = await work.find(tables.CustomField, for_update=True, state="building")
    if field is not None and await fill_index(work, field):
        field = await work.update(field, state="ready", filled_to=None)
        work.publish(changed_event(field, ["state"]))
    return True


_LOCK = Query(
    bool,
    """
    select true from (
        select pg_advisory_xact_lock(hashtextextended('custom_field ' || current_setting('app.tenant'), 0))
    ) as lock
    """,
)
_MISFITS = Query(
    CustomFieldReport,
    """
    select records, coalesce(first_ids, '{}') as first_ids
    from custom_field_misfits(:kind, :name, :type, :required, :is_unique, :indexed, :options::text[])
    """,
)
# Of records that were left with the same value, the first has it in the unique index.
_FILL = Query(
    _Batch,
    """
    with batch as materialized (
        select id, custom -> :name as value from custom_record
        where record_kind = :kind and id > :after order by id limit :most
    ),
    keyed as (
        select id, key, case when :is_unique then nullif(key, :absent) end as unique_value
        from batch cross join lateral custom_value_key(:type, value) as key
    ),
    filled as (
        insert into custom_field_value (field_id, record_id, value, unique_value)
        select :field_id, id, key, case
            when row_number() over (partition by unique_value order by id) = 1 and not exists (
                select from custom_field_value as other
                where other.field_id = :field_id and other.unique_value = keyed.unique_value
            ) then unique_value
        end
        from keyed on conflict (tenant_id, field_id, record_id) do nothing
    )
    select count(*) as records, (array_agg(id order by id desc))[1] as last from batch
    """,
)
_SET_FILLED = Command("update custom_field set filled_to = :filled_to where id = :field_id")
