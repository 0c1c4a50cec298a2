"""The job of an import: a thousand rows at a time."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from chassis import (
    Chunk,
    Feature,
    JobFailed,
    JobRun,
    Problem,
    UnitOfWork,
    file_path,
)
from chassis.core.files import FileNotStored
from services.customers.customization.rules.custom_fields import RecordKind
from services.customers.customization.tables import CustomField
from services.customers.people.queries import PersonBlocked
from services.customers.transfer.imports.batches import Rows
from services.customers.transfer.imports.customer_rows import import_customers
from services.customers.transfer.imports.deal_rows import import_deals
from services.customers.transfer.imports.deferred import defer_rows, relate_deferred
from services.customers.transfer.imports.plans import NumberedRecords, Plan, RowRefused
from services.customers.transfer.imports.schemas import Counts, counts_of
from services.customers.transfer.imports.uploads import DELIMITERS
from services.customers.transfer.queries import IMPORT, UPLOAD, errors_folder, remove_files
from services.customers.transfer.rules.cells import csv_bytes, restore
from services.customers.transfer.rules.records import LineReader, LineTooLong, Record, RecordReader

feature = Feature("imports")
ROWS = 1_000
"""Rows of a chunk, as in a batch."""
PIECE_BYTES = 262_144


@feature.job(IMPORT)
async def import_rows(work: UnitOfWork, job: JobRun) -> Chunk:
    """Import the next rows of a file, and behind the last one the relations that had to wait."""
    cursor = job.cursor or {"at": job.parameters["begin"], "row": 0}
    return await (_relate(work, job, cursor) if cursor.get("is_read") else _import(work, job, cursor))


async def _import(work: UnitOfWork, job: JobRun, cursor: dict[str, Any]) -> Chunk:
    begin, deferred = cursor["row"], cursor.get("deferred", [])
    records, is_read = await _read(work, job, cursor["at"])
    rows = await _store(work, job, list(enumerate(records, begin + 1)), is_last=is_read)
    for number, outcome in rows.outcomes.items():
        if isinstance(outcome, Problem):
            rows.refused[number] = RowRefused.of(outcome)
    cells = {number: record.cells for number, record in enumerate(records, begin + 1)}
    if rows.deferred:
        await defer_rows(work, job, rows, begin, cells)
        deferred = [*deferred, begin]
    await _write_errors(work, job, f"{begin:012}", rows.refused | rows.unrelated, cells)
    is_last = is_read and not deferred
    if is_last:
        await _end(work, job)
    done = len(records)
    return Chunk(
        {
            "at": records[-1].end if records else cursor["at"],
            "row": begin + done,
            "deferred": deferred,
            "is_read": is_read,
        },
        done=done,
        errors=len(rows.refused),
        total=begin + done if is_read else None,
        is_last=is_last,
        result=_counts(job, rows),
    )


async def _relate(work: UnitOfWork, job: JobRun, cursor: dict[str, Any]) -> Chunk:
    """Create the relations of a chunk that had to wait for the last row."""
    begin, *others = cursor["deferred"]
    finished = await relate_deferred(work, job, begin)
    await _write_errors(work, job, f"{begin:012}-relations", finished.refused, finished.cells)
    if not others:
        await _end(work, job)
    counts = counts_of(job.result)
    counts["unchanged"] -= finished.updated
    counts["updated"] += finished.updated
    counts["unrelated"] += finished.unrelated
    return Chunk(cursor | {"deferred": others}, is_last=not others, result=counts)


async def _store(work: UnitOfWork, job: JobRun, records: NumberedRecords, *, is_last: bool) -> Rows:
    kind: RecordKind = job.parameters.get("record_kind", "customer")
    types = {field.name: field.type for field in await work.find_all(CustomField, record_kind=kind)}
    plan = Plan(job.parameters, types, kind)
    if kind == "deal":
        return await import_deals(work, job, plan, records)
    return await import_customers(work, job, plan, records, is_last=is_last)


def _counts(job: JobRun, rows: Rows) -> Counts:
    counts = counts_of(job.result)
    for outcome in rows.outcomes.values():
        if not isinstance(outcome, Problem):
            counts[outcome[0]] += 1
    counts["refused"] += len(rows.refused)
    counts["unrelated"] += len(rows.unrelated)
    return counts


async def _end(work: UnitOfWork, job: JobRun) -> None:
    if not job.parameters["dry_run"]:
        await remove_files(work, job.id, UPLOAD)


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


async def _write_errors(
    work: UnitOfWork, job: JobRun, name: str, refused: Mapping[int, RowRefused], cells: Mapping[int, list[str]]
) -> None:
    """Write the rows that are refused or unrelated, under a name by which a repetition of the chunk replaces them."""
    if not refused:
        return
    lines: list[list[str]] = []
    for number, refusal in sorted(refused.items()):
        is_hidden = job.parameters.get("names_rows_only") or refusal.code == PersonBlocked.code
        shown = ["" if is_hidden else _printable(cell) for cell in cells[number]]
        lines.append([str(number), refusal.code, refusal.place, str(refusal), *shown])
    path = file_path(work.tenant.id, job.id, f"{errors_folder(job.parameters)}{name}")
    await job.files.write_whole(path, csv_bytes(lines))


def _printable(cell: str) -> str:
    """Return the text of a cell, except for bytes that are no text. The file neutralises it again."""
    return restore(cell).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
