"""The job of an import: a thousand rows at a time, by the rules of the batch."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis import (
    Chunk,
    Feature,
    JobFailed,
    JobRun,
    Outcome,
    Problem,
    Query,
    UnitOfWork,
    current_person_sql,
    file_path,
)
from chassis.core.files import FileNotStored
from services.customers.customization.tables import CustomField
from services.customers.people.customers.schemas import ExternalReferenceCreate
from services.customers.people.customers.upserts import Applied, upsert_many
from services.customers.people.queries import PersonBlocked
from services.customers.transfer import tables
from services.customers.transfer.imports.batches import Batch, relate_rows
from services.customers.transfer.imports.plans import FOREIGN_SOURCE, Plan, RowRefused
from services.customers.transfer.imports.schemas import counts_of
from services.customers.transfer.imports.uploads import DELIMITERS
from services.customers.transfer.queries import IMPORT, UPLOAD, errors_folder, remove_files
from services.customers.transfer.rules.cells import csv_bytes
from services.customers.transfer.rules.records import LineReader, LineTooLong, Record, RecordReader

feature = Feature("imports")
ROWS = 1_000
"""Rows of a chunk, as in a batch."""
PIECE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class _Existing:
    """A record of this tenant, and the record that answers for it since a merge."""

    id: UUID
    current_id: UUID


@dataclass(frozen=True, slots=True)
class _Versioned:
    """The version of a record."""

    id: UUID
    version: int


@feature.job(IMPORT)
async def import_rows(work: UnitOfWork, job: JobRun) -> Chunk:
    """Import the next rows of a file."""
    parameters = job.parameters
    cursor = job.cursor or {"at": parameters["begin"], "row": 0}
    records, is_last = await _read(work, job, cursor["at"])
    types = {field.name: field.type for field in await work.find_all(CustomField, record_kind="customer")}
    batch = _batch_of(Plan(parameters, types), records, cursor["row"], parameters)
    outcomes = await _apply(work, batch, dry_run=parameters["dry_run"])
    for number, outcome in outcomes.items():
        if isinstance(outcome, Problem):
            batch.refused[number] = _refusal(outcome)
    if not parameters["dry_run"]:
        await _store_changes(work, job.id, batch, outcomes)
        if is_last:
            await remove_files(work, job.id, UPLOAD)
    if batch.refused or batch.unrelated:
        await _write_errors(work, job, batch, records)
    counts = counts_of(job.result)
    for outcome in outcomes.values():
        if not isinstance(outcome, Problem):
            counts[outcome[0]] += 1
    counts["refused"] += len(batch.refused)
    counts["unrelated"] += len(batch.unrelated)
    end = records[-1].end if records else cursor["at"]
    done = len(records)
    return Chunk(
        {"at": end, "row": cursor["row"] + done},
        done=done,
        errors=len(batch.refused),
        total=cursor["row"] + done if is_last else None,
        is_last=is_last,
        result=counts,
    )


async def _read(work: UnitOfWork, job: JobRun, begin: int) -> tuple[list[Record], bool]:
    """Return the next records, and whether they are the last. Raises JobFailed."""
    records: list[Record] = []
    try:
        async for record in _records(job, file_path(work.tenant.id, job.id, UPLOAD), begin):
            if len(records) == ROWS:
                return records, False
            records.append(record)
    except FileNotStored:
        raise JobFailed("file_not_stored", "The uploaded file is gone. Upload it again.") from None
    except LineTooLong:
        raise JobFailed("line_too_long", "A line has more than a million characters.") from None
    return records, True


async def _records(job: JobRun, path: str, begin: int) -> AsyncIterator[Record]:
    parameters = job.parameters
    reader: LineReader | RecordReader
    if parameters["format"] == "csv":
        delimiter = DELIMITERS[parameters["delimiter"]]
        reader = RecordReader(parameters["encoding"], delimiter, parameters["newline"], begin)
    else:
        reader = LineReader(parameters["encoding"], begin)
    if begin < parameters["size"]:
        async for piece in job.files.read(path, begin, piece_bytes=PIECE_BYTES):
            reader.feed(piece)
            for record in reader.records():
                yield record
    reader.feed(b"", is_last=True)
    for record in reader.records():
        yield record


def _batch_of(plan: Plan, records: list[Record], begin: int, parameters: dict[str, Any]) -> Batch:
    batch = Batch(begin)
    for number, record in enumerate(records, begin + 1):
        try:
            if record.error is not None:
                raise RowRefused("unreadable_row", "", record.error)
            if parameters.get("elsewhere"):
                raise RowRefused("not_a_customer", "", parameters["elsewhere"])
            is_csv = parameters["format"] == "csv"
            row = plan.item_of_cells(record.cells) if is_csv else plan.item_of_line(record.cells[0])
        except RowRefused as refusal:
            batch.refused[number] = refusal
            continue
        batch.items.append((number, row.item))
        if row.id is not None:
            batch.ids[number] = row.id
        if row.relations:
            batch.relations[number] = row.relations
    return batch


async def _apply(work: UnitOfWork, batch: Batch, *, dry_run: bool) -> dict[int, Outcome]:
    await _name_foreign_records(work, batch)
    async with work.trial() if dry_run else nullcontext():
        outcomes = await upsert_many(work, batch.items, ids=batch.ids, merges=True, applied=batch.applied)
        await relate_rows(work, batch, outcomes)
    return outcomes


async def _name_foreign_records(work: UnitOfWork, batch: Batch) -> None:
    """Find the records that have the ids of rows now.

    Records of another tenant keep their id as an external id, so that their next import finds them.
    """
    if not batch.ids:
        return
    own = {row.id: row.current_id for row in await work.select(_EXISTING, ids=list(batch.ids.values()))}
    for position, (number, item) in enumerate(batch.items):
        id = batch.ids.get(number)
        if id in own:
            batch.ids[number] = own[id]
        elif id is not None:
            del batch.ids[number]
            reference = ExternalReferenceCreate.model_construct(source=FOREIGN_SOURCE, id=str(id))
            named = [*(item.external_ids or []), reference]
            batch.items[position] = (number, item.model_copy(update={"external_ids": named}))


def _refusal(problem: Problem) -> RowRefused:
    error = problem.errors[0] if problem.errors else None
    if error is not None:
        return RowRefused(str(error.code), error.pointer, error.detail)
    return RowRefused(problem.code, "", problem.detail)


async def _store_changes(work: UnitOfWork, job_id: UUID, batch: Batch, outcomes: dict[int, Outcome]) -> None:
    await _note_related(work, batch, outcomes)
    rows = [
        {
            "job_id": job_id,
            "row": number,
            "customer_id": applied.customer_id,
            "kind": "created" if applied.is_new else "updated",
            "version": applied.version,
            "before": applied.before,
            "relation_ids": batch.relation_ids.get(number, []),
            "created_at": work.now,
        }
        for number, applied in batch.applied.items()
    ]
    await work.insert_many(tables.ImportChange, rows)


async def _note_related(work: UnitOfWork, batch: Batch, outcomes: dict[int, Outcome]) -> None:
    """Note a change also for rows that have changed nothing but relations."""
    related = {
        number: outcome[1]
        for number, outcome in outcomes.items()
        if number in batch.relation_ids and number not in batch.applied and not isinstance(outcome, Problem)
    }
    if related:
        versions = {row.id: row.version for row in await work.fetch(_VERSIONS, ids=sorted(set(related.values())))}
        batch.applied |= {number: Applied(id, False, versions[id], {}) for number, id in related.items()}


async def _write_errors(work: UnitOfWork, job: JobRun, batch: Batch, records: list[Record]) -> None:
    """Write the rows that are refused or unrelated, under a name by which a repetition of the chunk replaces them."""
    rows: list[list[str]] = []
    for number, refusal in sorted((batch.refused | batch.unrelated).items()):
        cells = [_printable(cell) for cell in records[number - batch.begin - 1].cells]
        is_hidden = job.parameters.get("names_rows_only") or refusal.code == PersonBlocked.code
        shown = [""] * len(cells) if is_hidden else cells
        rows.append([str(number), refusal.code, refusal.place, str(refusal), *shown])
    path = file_path(work.tenant.id, job.id, f"{errors_folder(job.parameters)}{batch.begin:012}")
    await job.files.write_whole(path, csv_bytes(rows))


def _printable(cell: str) -> str:
    """Return a cell as it was, except for bytes that are no text."""
    return cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


_VERSIONS = Query(_Versioned, "select id, version from customer where id = any(:ids)")
_EXISTING = Query(
    _Existing, f"select id, {current_person_sql('customer.id')} as current_id from customer where id = any(:ids)"
)
