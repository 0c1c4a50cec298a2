"""The rows that an import has refused, as a file: each with the reason, and with its cells as they were."""

from collections.abc import AsyncIterator

from chassis import CsvFile, Tenant, file_path
from chassis.core.files import FileStore, StoredFile
from services.customers.base import Job
from services.customers.transfer.queries import errors_folder
from services.customers.transfer.rules.cells import csv_bytes

REASON_COLUMNS = ("row", "code", "field", "reason")
"""The columns before those of the file. An import of the corrected rows ignores them."""


async def errors_file(files: FileStore, tenant: Tenant, job: Job) -> CsvFile:
    """Return the response with all rows that are refused so far."""
    folder = file_path(tenant.id, job.id, errors_folder(job.parameters))
    done = (job.cursor or {"row": 0})["row"]
    # A chunk that was not committed may have left a part behind.
    parts = [part async for part in files.files_in(folder) if _first_row(part.path) < done]
    parts.sort(key=lambda part: part.path)
    columns = job.parameters["columns"] or ["line"]
    header = csv_bytes([[*REASON_COLUMNS, *columns]])
    size = len(header) + sum(part.size for part in parts)
    return CsvFile(_content(files, header, parts), size, f"import-{job.id}-errors.csv")


def _first_row(path: str) -> int:
    """Return the number before that of a chunk's first row. The rows that a part adds later have the same."""
    return int(path.rpartition("/")[2].partition("-")[0])


async def _content(files: FileStore, header: bytes, parts: list[StoredFile]) -> AsyncIterator[bytes]:
    yield header
    for part in parts:
        async for piece in files.read(part.path):
            yield piece
