"""Erasures: a service deletes or anonymises everything about a person, and reports the number of rows.

The tables declare what happens to their rows (`Person`), and features erase what no declaration can describe. The texts
of the person's published events, stored responses and dead letters are erased as well. The id stays, so that late
events and requests cannot bring the person back.

A transaction that began before the erasure may leave rows behind, so everything is erased once more a while later.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import MetaData

from chassis.core.events import Event, IncomingEvent
from chassis.core.persons import ERASURE
from chassis.core.problems import PersonErased
from chassis.core.redaction import redact
from chassis.db.persons import Person
from chassis.db.statements import Command, Query, table_name
from chassis.db.tables import SCHEMA, Table, blank_values
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import EraseFunction, Feature
from chassis.types import json

SETTLING_SECONDS = 120
"""How long after an erasure rows may still appear: requests and transactions that were running."""
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ARCHIVE_CHUNK = 50_000
"""Published events that a statement looks through."""
Action = Literal["deleted", "anonymised", "kept"]
Counts = Counter[tuple[str, str]]
"""The number of rows by table and action."""


class ErasedTable(BaseModel):
    """What an erasure did to the rows of a table."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    table: Annotated[str, Field(pattern="^[a-z_.]+$", examples=["note"])]
    """The table."""
    action: Action
    """The rows were deleted, lost everything personal, or are kept because they contain only ids and figures."""
    rows: int
    """The number of rows."""


class ErasureCompleted(Event):
    """The fields of a service's answer to an erasure."""

    erasure_id: UUID
    """The erasure."""
    customer_id: UUID
    """The customer that was erased."""
    tables: list[ErasedTable]
    """The number of rows by table and action."""
    completed_at: datetime
    """When the service erased the customer."""


class CustomerErased(IncomingEvent, type=ERASURE):
    """A customer is to be erased: the record itself and those that were merged into it."""

    erasure_id: UUID
    customer_id: UUID
    customer_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """The data of an event in the outbox or in the archive."""

    place: int
    type: str
    data: str


@cache
def completed_event(service: str) -> type[ErasureCompleted]:
    """Return the event by which a service answers."""
    name = f"{service.capitalize()}ErasureCompleted"
    text = f"The {service} service has erased a person."
    event: type[ErasureCompleted] = type(
        name,
        (ErasureCompleted,),
        {"__doc__": text, "__module__": __name__},
        type=f"{service}.erasure_completed.v1",
        partition_key="erasure_id",
    )
    return event


def feature_of(service: str, metadata: MetaData, erasers: Mapping[type[Table], EraseFunction]) -> Feature:
    """Return the feature by which a service erases persons. `erasers` are the functions of its features."""
    feature = Feature("erasure-of-persons")
    completed = completed_event(service)

    @feature.on(CustomerErased, of_erased=True)
    async def erase_customer(work: UnitOfWork, event: CustomerErased) -> None:
        """Erase a customer, and answer with all that was erased so far. A repeat answers again."""
        ids = sorted({event.customer_id, *event.customer_ids})
        await work.execute(_REMEMBER, tenant_id=work.tenant.id, ids=ids, erasure_id=event.erasure_id)
        counts = await _erase_and_count(work, metadata, erasers, ids)
        tables = [
            ErasedTable(table=table, action=action, rows=rows) for (table, action), rows in sorted(counts.items())
        ]
        work.publish(
            completed(erasure_id=event.erasure_id, customer_id=event.customer_id, tables=tables, completed_at=work.now)
        )

    @feature.periodic(every=timedelta(seconds=30))
    async def erase_late_rows(work: UnitOfWork) -> bool:
        """Erase what transactions have left that ran during an erasure. Returns whether there may be more."""
        unsettled = await work.fetch(_UNSETTLED, tenant_id=work.tenant.id, seconds=SETTLING_SECONDS)
        if not unsettled:
            return False
        ids = sorted(row.person_id for row in unsettled)
        await _erase_and_count(work, metadata, erasers, ids)
        await work.execute(_SETTLE, tenant_id=work.tenant.id, ids=ids)
        return True

    return feature


async def _erase_and_count(
    work: UnitOfWork,
    metadata: MetaData,
    erasers: Mapping[type[Table], EraseFunction],
    ids: Sequence[UUID],
) -> Counts:
    """Erase persons. Returns the rows of all runs of this erasure, which are stored with the first person."""
    total = Counter({(row["table"], row["action"]): row["rows"] for row in await _stored_counts(work, ids[0])})
    for (table, action), number in (await _erase(work, metadata, erasers, ids)).items():
        total[table, action] = number if action == "kept" else total[table, action] + number
    rows = [{"table": table, "action": action, "rows": number} for (table, action), number in sorted(total.items())]
    await work.execute(_STORE_COUNTS, tenant_id=work.tenant.id, id=ids[0], counts=rows)
    return total


async def _stored_counts(work: UnitOfWork, id: UUID) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = await work.fetch_row(_COUNTS, tenant_id=work.tenant.id, id=id)
    return stored


async def _erase(
    work: UnitOfWork, metadata: MetaData, erasers: Mapping[type[Table], EraseFunction], ids: Sequence[UUID]
) -> Counts:
    counts: Counts = Counter()
    declared = list(_declarations(metadata))
    records = {*ids}
    for table, person in declared:
        records |= set(await work.fetch(_rows_of(table, person.column), ids=list(ids)))
    for table in erasers.keys() - {table for table, person in declared if person.erase == "own"}:
        counts[table_name(table), "anonymised"] += await erasers[table](work, ids)
    for table, person in declared:
        cleared = None if person.erase == "delete" else blank_values(table, person.cleared)
        rows = await work.fetch_row(
            _ERASE_ROWS, ids=list(ids), table=table_name(table), column=person.column, cleared=cleared
        )
        action = {"delete": "deleted", "keep": "kept"}.get(person.erase, "anonymised")
        counts[table_name(table), action] += 0 if person.erase == "own" else rows
        if person.erase == "own":
            counts[table_name(table), action] += await erasers[table](work, ids)
    counts[f"{SCHEMA}.dead_letter", "deleted"] += await work.execute(
        _DELETE_DEAD_LETTERS, tenant_id=work.tenant.id, type=ERASURE, texts=[str(id).encode() for id in ids]
    )
    counts[f"{SCHEMA}.idempotency", "anonymised"] += await erase_responses(work, records)
    counts[f"{SCHEMA}.published_event", "anonymised"] += await _redact_events(work, ids)
    return +counts


def _declarations(metadata: MetaData) -> Iterator[tuple[type[Table], Person]]:
    """Yield the declarations of a service's tables. Tables that refer to others come first."""
    pending: list[type[Table]] = [Table]
    classes: dict[Any, type[Table]] = {}
    while pending:
        table = pending.pop()
        pending += table.__subclasses__()
        classes[getattr(table, "__table__", None)] = table
    for described in reversed(metadata.sorted_tables):
        for person in classes[described].persons:
            yield classes[described], person


@cache
def _rows_of(table: type[Table], column: str) -> Query[UUID]:
    return Query(UUID, f"select id from {table_name(table)} where {column} = any(:ids)")


async def erase_responses(work: UnitOfWork, records: Collection[UUID]) -> int:
    """Replace stored responses that name a person or one of the person's records, whose request must not be repeated.

    They answer a repeated request from now on that the person was erased.
    """
    problem = PersonErased().document()
    return await work.execute(
        _REPLACE_RESPONSES,
        tenant_id=work.tenant.id,
        records=list(records),
        status=PersonErased.status,
        headers={"content-type": "application/problem+json"},
        body=json.dumps(problem),
    )


async def _redact_events(work: UnitOfWork, ids: Sequence[UUID]) -> int:
    """Remove the texts of the events about persons from the outbox and the archive."""
    values = {"tenant_id": work.tenant.id, "pattern": "|".join(map(str, ids))}
    waiting = _redacted(await work.fetch(_FIND_WAITING, **values))
    if waiting:
        await work.execute(_REDACT_WAITING, places=list(waiting), data=list(waiting.values()))
    changed, after, last = len(waiting), 0, await work.fetch_row(_LAST_POSITION)
    while after < last:
        archived = _redacted(await work.fetch(_FIND_ARCHIVED, after=after, until=after + ARCHIVE_CHUNK, **values))
        if archived:
            await work.execute(_REDACT_ARCHIVED, places=list(archived), data=list(archived.values()))
        changed, after = changed + len(archived), after + ARCHIVE_CHUNK
    return changed


def _redacted(events: Sequence[StoredEvent]) -> dict[int, str]:
    """Return the data of the events that contain texts, without them, by their place."""
    changed = {}
    for event in events:
        data = json.loads(event.data)
        without = redact(data, _schema_of(event.type))
        if without != data:
            changed[event.place] = json.dumps_str(without)
    return changed


@cache
def _schema_of(type: str) -> Mapping[str, Any]:
    event = Event.published.get(type)
    return {} if event is None else event.model_json_schema(mode="serialization")


@dataclass(frozen=True, slots=True)
class _Unsettled:
    person_id: UUID
    erasure_id: UUID


_REMEMBER = Command(
    f"""
    insert into {SCHEMA}.erased_person as known (tenant_id, person_id, erasure_id)
    select :tenant_id, id, :erasure_id from unnest(:ids::uuid[]) as id order by id
    on conflict (tenant_id, person_id) do update
    set erasure_id = excluded.erasure_id, erased_at = now(), settled_at = null,
        counts = case when known.erasure_id = excluded.erasure_id then known.counts else '[]' end
    """
)
_UNSETTLED = Query(
    _Unsettled,
    f"""
    with first as (
        select erasure_id from {SCHEMA}.erased_person
        where tenant_id = :tenant_id and settled_at is null and erased_at < now() - make_interval(secs => :seconds)
        limit 1
    )
    select person_id, erasure_id from {SCHEMA}.erased_person
    where tenant_id = :tenant_id and settled_at is null and erasure_id = (select erasure_id from first)
    for no key update
    """,
)
_SETTLE = Command(
    f"update {SCHEMA}.erased_person set settled_at = now() where tenant_id = :tenant_id and person_id = any(:ids)"
)
_COUNTS = Query(
    list[dict[str, Any]],
    f"select counts from {SCHEMA}.erased_person where tenant_id = :tenant_id and person_id = :id for no key update",
)
_STORE_COUNTS = Command(
    f"update {SCHEMA}.erased_person set counts = :counts where tenant_id = :tenant_id and person_id = :id"
)
_ERASE_ROWS = Query(int, f"select {SCHEMA}.erase_rows(:ids::uuid[], :table::text, :column::text, :cleared::jsonb)")
_DELETE_DEAD_LETTERS = Command(
    f"""
    delete from {SCHEMA}.dead_letter
    where tenant_id = :tenant_id and type is distinct from :type and exists (
        select from unnest(:texts::bytea[]) as text where position(text in coalesce(key, '') || coalesce(value, '')) > 0
    )
    """
)
_REPLACE_RESPONSES = Command(
    f"""
    update {SCHEMA}.idempotency set status = :status, headers = :headers, body = :body
    where tenant_id = :tenant_id and body <> :body and exists (
        select from regexp_matches(operation || convert_from(body, 'UTF8'), '{_UUID}', 'g') as named
        where named[1]::uuid = any(:records::uuid[])
    )
    """
)
_FIND_WAITING = Query(
    StoredEvent,
    f"""
    select seq as place, type, data::text as data from {SCHEMA}.outbox
    where tenant_id = :tenant_id and data::text ~ :pattern for no key update
    """,
)
_REDACT_WAITING = Command(
    f"""
    update {SCHEMA}.outbox set data = redacted.data::json, size = octet_length(redacted.data)
    from unnest(:places::bigint[], :data::text[]) as redacted(place, data) where seq = place
    """
)
_LAST_POSITION = Query(int, f"select coalesce(max(position), 0) from {SCHEMA}.published_event")
_FIND_ARCHIVED = Query(
    StoredEvent,
    f"""
    select position as place, type, data::text as data from {SCHEMA}.published_event
    where position > :after and position <= :until and tenant_id = :tenant_id and data::text ~ :pattern
    """,
)
_REDACT_ARCHIVED = Command(
    f"""
    update {SCHEMA}.published_event set data = redacted.data::json
    from unnest(:places::bigint[], :data::text[]) as redacted(place, data) where position = place
    """
)
