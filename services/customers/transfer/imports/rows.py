"""The job of an import: a thousand rows at a time."""

from collections.abc import AsyncIterator

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
from services.customers.transfer.imports.plans import Plan, RowRefused
from services.customers.transfer.imports.schemas import counts_of
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
    """Import the next rows of a file."""
    parameters = job.parameters
    cursor = job.cursor or {"at": parameters["begin"], "row": 0}
    records, is_last = await _read(work, job, cursor["at"])
    kind: RecordKind = parameters.get("record_kind", "customer")
    types = {field.name: field.type for field in await work.find_all(CustomField, record_kind=kind)}
    store = import_deals if kind == "deal" else import_customers
    rows = await store(work, job, Plan(parameters, types, kind), list(enumerate(records, cursor["row"] + 1)))
    for number, outcome in rows.outcomes.items():
        if isinstance(outcome, Problem):
            rows.refused[number] = RowRefused.of(outcome)
    if is_last and not parameters["dry_run"]:
        await remove_files(work, job.id, UPLOAD)
    if rows.refused or rows.unrelated:
        await _write_errors(work, job, rows, cursor["row"], records)
    counts = counts_of(job.result)
    for outcome in rows.outcomes.values():
        if not isinstance(outcome, Problem):
            counts[outcome[0]] += 1
    counts["refused"] += len(rows.refused)
    counts["unrelated"] += len(rows.unrelated)
    end = records[-1].end if records else cursor["at"]
    done = len(records)
    return Chunk(
        {"at": end, "row": cursor["row"] + done},
        done=done,
        errors=len(rows.refused),
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


async def _write_errors(work: UnitOfWork, job: JobRun, rows: Rows, begin: int, records: list[Record]) -> None:
    """Write the rows that are refused or unrelated, under a name by which a repetition of the chunk replaces them."""
    lines: list[list[str]] = []
    for number, refusal in sorted((rows.refused | rows.unrelated).items()):
        cells = [_printable(cell) for cell in records[number - begin - 1].cells]
        is_hidden = job.parameters.get("names_rows_only") or refusal.code == PersonBlocked.code
        shown = [""] * len(cells) if is_hidden else cells
        lines.append([str(number), refusal.code, refusal.place, str(refusal), *shown])
    path = file_path(work.tenant.id, job.id, f"{errors_folder(job.parameters)}{begin:012}")
    await job.files.write_whole(path, csv_bytes(lines))


def _printable(cell: str) -> str:
    """Return the text of a cell, except for bytes that are no text. The file neutralises it again."""
    return restore(cell).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
