"""Recording the records of other systems: each once, however often it is sent, with the customers that it names."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Batch,
    BatchResults,
    Command,
    Event,
    FieldCode,
    FieldError,
    Fields,
    Filter,
    Outcome,
    PersonErased,
    Problem,
    Query,
    Reference,
    SourceIdReused,
    UnitOfWork,
    ValidationFailed,
    batch_response,
    equals,
    find_erased,
    reject_future,
    uuid7,
)
from services.interactions.sources import rules
from services.interactions.sources.tables import SourceRecord

Row = TypeVar("Row", bound=SourceRecord)
Body = TypeVar("Body", bound="RecordFields")
Content = Mapping[str, Any]
"""The columns of a row that its source determines. Their order is part of the hash of the content."""
SourceKey = tuple[str, str]
"""The source of a record, and the source's id of it."""
SourceName = Annotated[str, Field(description="The system that sent the record.", examples=["till"])]
SourceId = Annotated[str, Field(description="The record's id in that system.", examples=["2026-03-01-0042"])]
SOURCE_MISSING = FieldCode(
    "source_missing", "A source_id is unique only within its source.", "Send `source` with `source_id`."
)


class SourceFields(Fields):
    """The system that sends a record, and its id there."""

    source: Reference
    """The system that sends the record."""
    source_id: Reference
    """The id of the record in that system, by which a repeat is recognized."""

    @property
    def key(self) -> SourceKey:
        """The source, and the source's id of the record."""
        return self.source, self.source_id


class RecordFields(SourceFields):
    """The fields of every record that a source sends."""

    customer_id: UUID | None = None
    """The customer, if the record has one. Events of new customers take a moment to arrive."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """The columns of a stored record that identify it and its content."""

    id: UUID
    source: str
    source_id: str
    content_hash: str

    @property
    def key(self) -> SourceKey:
        """The source, and the source's id of the record."""
        return self.source, self.source_id


@dataclass(frozen=True, slots=True)
class NewRecord(StoredRecord):
    """A record that is stored unless its key exists."""

    customer_id: UUID | None
    recorded_at: datetime
    columns: dict[str, Any]
    """All columns of its row but the tenant, which the database adds."""


class SourceRecorder(Generic[Row, Body]):
    """Stores the records of sources, once for each (source, source_id), and publishes an event of each new record.

        recorder = SourceRecorder[tables.Review, ReviewCreate](
            tables.Review,
            to_row=ReviewCreate.values,
            event=lambda body, record: ReviewRecorded.from_row(body, review_id=record.id),
            occurred_at="written_at",
        )

    `to_row` returns the columns that the body of a request determines, `event` builds the event of a new record, and
    `occurred_at` names the field of the body that must not be in the future. `without_spelling` returns the columns
    with values only, if some of them keep the spelling of the request. `prepare` completes the columns of new records
    in a few statements for all of them, and returns the problems of those that are refused, by the ids of the records.
    """

    def __init__(
        self,
        table: type[Row],
        *,
        to_row: Callable[[Body], Content],
        event: Callable[[Body, NewRecord], Event],
        occurred_at: str,
        without_spelling: Callable[[Content], Content] = lambda content: content,
        prepare: "Prepare[Body] | None" = None,
    ) -> None:
        self._table = table
        self._to_row = to_row
        self._event = event
        self._occurred_at = occurred_at
        self._without_spelling = without_spelling
        self._prepare = prepare

    async def record(self, work: UnitOfWork, body: Body) -> tuple[Row, bool]:
        """Record the body of a request. Returns the stored row, and whether it is new.

        Raises ValidationFailed for a time in the future, SourceIdReused, and PersonErased.
        """
        record = self._new_record(work, body)
        (outcome,) = await self._record(work, [(body, record)])
        if isinstance(outcome, Problem):
            raise outcome
        status, id = outcome
        if status == "created":
            return self._table(**record.columns, tenant_id=work.tenant.id), True
        return await work.get(self._table, id), False

    async def record_batch(self, work: UnitOfWork, batch: Batch[Body]) -> BatchResults:
        """Record the items of a batch. A repeat of a stored record, or of an earlier item, is `unchanged`."""
        items: dict[int, tuple[Body, NewRecord]] = {}
        refused: dict[int, Outcome] = {}
        for index, body in batch.valid_items():
            try:
                items[index] = (body, self._new_record(work, body))
            except Problem as problem:
                refused[index] = problem
        outcomes = await self._record(work, list(items.values()))
        return batch_response(batch, dict(zip(items, outcomes, strict=True)) | refused)

    def _new_record(self, work: UnitOfWork, body: Body) -> NewRecord:
        reject_future(work, getattr(body, self._occurred_at), f"/{self._occurred_at}")
        content = self._to_row(body)
        return new_record(work, body.key, body.customer_id, content, hashed=self._without_spelling(content))

    async def _record(self, work: UnitOfWork, items: Sequence[tuple[Body, NewRecord]]) -> list[Outcome]:
        """Insert and publish the records that are new. Returns the outcome of each item."""
        # A single record is usually new. If it is stored already, the unique constraint fails and the request runs
        # again. In a batch, a single repeat would make all of it run again.
        records: dict[SourceKey, StoredRecord] = {}
        if len(items) > 1 or work.is_retry:
            records = await find_stored(work, self._table, [record.key for _, record in items])
        erased: set[UUID] = set()
        if work.is_retry:  # a record of an erased customer conflicts with the trigger, and the request runs again
            erased = await find_erased(work, {record.customer_id for _, record in items if record.customer_id})
        problems = await self._prepare_new(work, items, records)
        outcomes: list[Outcome] = []
        new: list[NewRecord] = []
        for body, record in items:
            first = records.get(record.key)
            if record.customer_id in erased:
                outcomes.append(PersonErased())
            elif first is None:
                outcomes.append(problems.get(record.id) or self._publish(work, body, record))
                if not isinstance(outcomes[-1], Problem):
                    records[record.key] = record
                    new.append(record)
            elif first.content_hash == record.content_hash:
                outcomes.append(("unchanged", first.id))
            else:
                outcomes.append(SourceIdReused(id=str(first.id)))
        # Two concurrent batches with the same records would deadlock if they inserted them in different orders.
        await insert_new(work, self._table, sorted(new, key=lambda record: record.key))
        return outcomes

    async def _prepare_new(
        self, work: UnitOfWork, items: Sequence[tuple[Body, NewRecord]], records: dict[SourceKey, StoredRecord]
    ) -> Mapping[UUID, Problem]:
        """Complete those items that are new, and return the problems of those that are refused."""
        if self._prepare is None:
            return {}
        problems = await self._prepare(work, [item for item in items if item[1].key not in records])
        if problems and not records:  # a repeat is unchanged, even if it would be refused now
            records |= await find_stored(work, self._table, [record.key for _, record in items])
        return problems

    def _publish(self, work: UnitOfWork, body: Body, record: NewRecord) -> Outcome:
        """Publish the event of a new record. An event that is too large refuses its record alone."""
        try:
            work.publish(self._event(body, record))
        except Problem as problem:
            return problem
        return "created", record.id


Prepare = Callable[[UnitOfWork, Sequence[tuple[Body, NewRecord]]], Awaitable[Mapping[UUID, Problem]]]
"""Completes new records."""


def source_filter(
    source: Annotated[Reference | None, Parameter(description="Only records of this system.")] = None,
    source_id: Annotated[Reference | None, Parameter(description="With `source`: the record with this id.")] = None,
) -> list[Filter]:
    """Return the conditions on the source of a record. Injected as `sent_by: SentBy`. Raises ValidationFailed."""
    if source_id is not None and source is None:
        detail = "names a record only together with its source: add source="
        error = FieldError(location="query", pointer="/source_id", code=SOURCE_MISSING, detail=detail)
        raise ValidationFailed(errors=[error])
    return equals(source=source, source_id=source_id)


SentBy = Annotated[list[Filter], Depends(source_filter)]


def new_record(
    work: UnitOfWork, key: SourceKey, customer_id: UUID | None, content: Content, *, hashed: Content | None = None
) -> NewRecord:
    """Return a record with this content, to be stored.

    Its hash is of the values, not of their spelling: 1 and "1.000" are the same quantity. `hashed` is the content
    without the spelling, if that differs.
    """
    id, content_hash = uuid7(), rules.content_hash(hashed or content)
    columns = {"id": id, **content, "content_hash": content_hash, "recorded_at": work.now}
    return NewRecord(id, *key, content_hash, customer_id, work.now, columns)


async def find_stored(
    work: UnitOfWork, table: type[SourceRecord], keys: Sequence[SourceKey]
) -> dict[SourceKey, StoredRecord]:
    """Return the stored records with these keys.

    If a concurrent transaction inserts another of them first, the unique constraint fails and the retry finds it.
    """
    stored = await work.select(
        stored_query(table), sources=[source for source, _ in keys], source_ids=[source_id for _, source_id in keys]
    )
    return {record.key: record for record in stored}


async def insert_new(work: UnitOfWork, table: type[SourceRecord], records: Sequence[NewRecord]) -> None:
    """Insert new records, and await those of their customers that are not known: their events may be on their way."""
    await work.insert_many(table, [record.columns for record in records])
    customers = Counter(record.customer_id for record in records if record.customer_id is not None)
    if customers:
        await work.defer(_AWAIT_CUSTOMERS, customers=list(customers), records=list(customers.values()))


@cache
def stored_query(table: type[SourceRecord]) -> Query[StoredRecord]:
    """Return the query that finds the rows of a table with these sources and source ids."""
    # A look-up for each key, in the order of the unique index. Compared by `=`, a plan that is made while the table
    # is small may use another index that begins with the tenant, and is kept: 6 s instead of 7 ms among 40,000 rows.
    return Query(StoredRecord, _FIND_STORED.replace("{table}", str(table.__tablename__)))


_FIND_STORED = """
    select stored.id, stored.source, stored.source_id, stored.content_hash
    from unnest(:sources::text[], :source_ids::text[]) as sent(source, source_id),
    lateral (
        select id, source, source_id, content_hash from {table} as stored
        where (stored.source, stored.source_id) >= (sent.source, sent.source_id)
        order by stored.source, stored.source_id limit 1
    ) as stored
    where stored.source = sent.source and stored.source_id = sent.source_id
"""
_AWAIT_CUSTOMERS = Command(
    """
    insert into awaited_customer (id, since, records)
    select id, now(), records from unnest(:customers::uuid[], :records::bigint[]) as named(id, records)
    where not exists (select from known_customer where known_customer.id = named.id)
    order by id
    on conflict (tenant_id, id) do update set records = awaited_customer.records + excluded.records
    """
)
