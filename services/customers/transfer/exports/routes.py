"""The operations on exports."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from chassis import (
    CsvFile,
    Feature,
    JobNotInState,
    JsonLinesFile,
    NotFound,
    Page,
    PageParams,
    Running,
    UnitOfWork,
    Work,
    cancel_job,
    equals,
    file_path,
    paginate,
    pause_job,
    resume_job,
)
from chassis.core.files import FileStore
from services.customers.base import Job
from services.customers.transfer.exports.pages import filters_of, part_name
from services.customers.transfer.exports.schemas import CustomerExport, ExportCreate, ExportFilter, ExportFilterCreate
from services.customers.transfer.queries import EXPORT, FileErased, reject_erased_files

feature = Feature("exports")


@feature.post("/exports", scope="customers:read", status_code=201)
async def create_export(work: Work, body: ExportCreate) -> CustomerExport:
    """Export customers to a file. A job writes it, and it can be read when the job has succeeded."""
    wanted = body.filter or ExportFilterCreate()
    filters_of(work, wanted)  # refuses what cannot be looked up
    parameters = {"run": 0, "format": body.format, "filter": wanted.model_dump(mode="json", exclude_none=True)}
    return _resource(await work.insert(Job(kind=EXPORT, parameters=parameters, actor=work.actor, created_at=work.now)))


@feature.get("/exports", scope="customers:read")
async def list_exports(
    work: Work,
    params: PageParams,
) -> Page[CustomerExport]:
    """List exports, the newest first."""
    return await paginate(work, params, Job, _resource, sort="-created_at", where=equals(kind=EXPORT))


@feature.get("/exports/{id:uuid}", scope="customers:read")
async def read_export(work: Work, id: UUID) -> CustomerExport:
    """Return an export and its progress."""
    return _resource(await _get(work, id))


@feature.post("/exports/{id:uuid}/pause", scope="customers:read", raises=[JobNotInState])
async def pause_export(work: Work, id: UUID) -> CustomerExport:
    """Pause an export."""
    return _resource(await pause_job(work, await _get(work, id, for_update=True)))


@feature.post("/exports/{id:uuid}/resume", scope="customers:read", raises=[JobNotInState, FileErased])
async def resume_export(work: Work, id: UUID) -> CustomerExport:
    """Go on with an export that is paused, or that failed."""
    job = await _get(work, id, for_update=True)
    reject_erased_files(job)
    return _resource(await resume_job(work, job))


@feature.post("/exports/{id:uuid}/cancel", scope="customers:read", raises=[JobNotInState])
async def cancel_export(work: Work, id: UUID) -> CustomerExport:
    """End an export. Its file cannot be read."""
    return _resource(await cancel_job(work, await _get(work, id, for_update=True)))


@feature.get("/exports/{id:uuid}/file", scope="customers:read", raises=[JobNotInState, FileErased], streamed=True)
async def download_export(work: Work, running: Running, id: UUID) -> CsvFile | JsonLinesFile:
    """Return the file. Cells that a spreadsheet would take for formulas begin with an apostrophe."""
    job = await _get(work, id)
    reject_erased_files(job)
    if job.state != "succeeded":
        raise JobNotInState(f"The export is {job.state}.", state=job.state)
    cursor = job.cursor or {}
    paths = [file_path(work.tenant.id, id, part_name(job.parameters, number)) for number in range(cursor["parts"])]
    content, format = _content(running.files, paths), job.parameters["format"]
    kind = CsvFile if format == "csv" else JsonLinesFile
    return kind(content, cursor["size"], f"customers-{id}.{format}")


async def _content(files: FileStore, paths: list[str]) -> AsyncIterator[bytes]:
    for path in paths:
        async for piece in files.read(path):
            yield piece


async def _get(work: UnitOfWork, id: UUID, *, for_update: bool = False) -> Job:
    job = await work.find(Job, for_update=for_update, id=id, kind=EXPORT)
    if job is None:
        raise NotFound(f"No export has the id {id}.")
    return job


def _resource(job: Any) -> CustomerExport:
    return CustomerExport.model_validate(
        {
            "id": job.id,
            "state": job.state,
            "format": job.parameters["format"],
            "filter": ExportFilter.model_validate(job.parameters["filter"]),
            "done": job.done,
            "size": (job.cursor or {"size": 0})["size"],
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
        }
    )
