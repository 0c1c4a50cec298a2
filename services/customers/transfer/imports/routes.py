"""The operations on imports."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    CsvFile,
    Feature,
    JobNotInState,
    NotFound,
    Page,
    PageParams,
    Query,
    Running,
    UnitOfWork,
    UploadedFile,
    Work,
    cancel_job,
    equals,
    paginate,
    pause_job,
    restart_job,
    resume_job,
    start_job,
)
from chassis.db.jobs import FINISHED
from services.customers.base import Job
from services.customers.transfer import tables
from services.customers.transfer.imports.deal_rows import reject_fields_of_deals, reject_unknown_stages
from services.customers.transfer.imports.errors import errors_file
from services.customers.transfer.imports.plans import default_mapping, kind_of, mapping_of, ordered
from services.customers.transfer.imports.schemas import (
    AlreadyReverted,
    CustomerImport,
    Delimiter,
    EmptyFile,
    FileFormat,
    ImportRequest,
    NoHeader,
    RepeatedColumn,
    UnreadableFile,
    counts_of,
)
from services.customers.transfer.imports.uploads import FORMATS, Inspector
from services.customers.transfer.queries import (
    IMPORT,
    UPLOAD,
    FileErased,
    reject_erased_files,
    remove_files,
)
from services.customers.transfer.rules.encodings import Encoding
from services.customers.transfer.rules.presets import DEALS, ELSEWHERE, ORGANIZATIONS, preset_of

feature = Feature("imports")
feature.keep(tables.ImportChange, "created_at", days="job_days", order_by="id")
REVERT = "import_revert"
UNUSED = timedelta(days=1)
"""How long an uploaded file waits for its start."""


@feature.post(
    "/imports",
    scope="customers:write",
    status_code=201,
    upload=tuple(FORMATS),
    raises=[EmptyFile, NoHeader, RepeatedColumn, UnreadableFile],
)
async def upload_import(
    work: Work,
    running: Running,
    file: UploadedFile,
    format: Annotated[FileFormat | None, Parameter(description="The format, unless the content type says it.")] = None,
    encoding: Annotated[Encoding | None, Parameter(description="The encoding, if it is not recognized.")] = None,
    delimiter: Annotated[Delimiter | None, Parameter(description="The sign between two cells of a CSV file.")] = None,
) -> CustomerImport:
    """Upload a file, as it is or compressed by gzip, and find its columns. Nothing is imported until it is started.

    The content type may also be `text/csv`, `application/jsonl` or `application/x-ndjson`.
    """
    inspector = Inspector(format or FORMATS.get(file.media_type), encoding, delimiter)
    await file.store(running.files, work.tenant, inspector)
    if file.found is None:
        file.found = inspector.parameters()
    parameters = {**file.found, "run": 0, "dry_run": False, "mapping": None}
    job = Job(id=file.id, kind=IMPORT, state="ready", parameters=parameters, actor=work.actor, created_at=work.now)
    return _resource(await work.insert(job), None)


@feature.get("/imports", scope="customers:read")
async def list_imports(
    work: Work,
    params: PageParams,
) -> Page[CustomerImport]:
    """List imports, the newest first."""
    page = await paginate(work, params, Job, _unresolved, sort="-created_at", where=equals(kind=IMPORT))
    jobs = page.items
    reverts = {job.follows: job for job in await work.select(_REVERTS, ids=[job.id for job in jobs])}
    items = [_resource(job, reverts.get(job.id)) for job in jobs]
    return Page.model_construct(items=items, next_cursor=page.next_cursor)


@feature.get("/imports/{id:uuid}", scope="customers:read")
async def read_import(work: Work, id: UUID) -> CustomerImport:
    """Return an import and its progress."""
    return await _with_revert(work, await _get(work, id))


@feature.post("/imports/{id:uuid}/start", scope="customers:write", raises=[JobNotInState, FileErased])
async def start_import(work: Work, id: UUID, body: ImportRequest) -> CustomerImport:
    """Start an import. After a dry run it is started again, for good or for another trial."""
    job = await _get(work, id, for_update=True)
    reject_erased_files(job)
    if job.parameters["dry_run"] and job.state in FINISHED:
        job = await restart_job(work, job)
    kind = kind_of(job.parameters["columns"], body)
    if kind == "deal":
        await reject_unknown_stages(work, body)
    else:
        reject_fields_of_deals(body)
    preset = body.preset or preset_of(job.parameters["columns"])
    started: dict[str, Any] = {
        "mapping": mapping_of(job.parameters["columns"], body),
        "preset": preset,
        "record_kind": kind,
        "currency": body.currency,
        "pipeline_id": None if body.pipeline_id is None else str(body.pipeline_id),
        "stages": body.stages,
        "kind": body.kind or ("organization" if preset in ORGANIZATIONS else "person"),
        "locale": body.locale,
        "dates": body.dates,
        "elsewhere": None if body.mapping else ELSEWHERE.get(preset or ""),
        "dry_run": body.dry_run,
        "run": job.parameters["run"] + 1,
    }
    job = await start_job(work, job)
    job = await work.update(job, parameters=job.parameters | started)
    return await _with_revert(work, job)


@feature.post("/imports/{id:uuid}/pause", scope="customers:write", raises=[JobNotInState])
async def pause_import(work: Work, id: UUID) -> CustomerImport:
    """Pause an import behind the rows that are being done."""
    return await _with_revert(work, await pause_job(work, await _get(work, id, for_update=True)))


@feature.post("/imports/{id:uuid}/resume", scope="customers:write", raises=[AlreadyReverted, FileErased, JobNotInState])
async def resume_import(work: Work, id: UUID) -> CustomerImport:
    """Go on with an import that is paused, or that failed."""
    job = await _get(work, id, for_update=True)
    reject_erased_files(job)
    if await work.find(Job, kind=REVERT, follows=id) is not None:
        raise AlreadyReverted
    return await _with_revert(work, await resume_job(work, job))


@feature.post("/imports/{id:uuid}/cancel", scope="customers:write", raises=[JobNotInState])
async def cancel_import(work: Work, id: UUID) -> CustomerImport:
    """End an import. The rows that are done stay, until it is reverted."""
    job = await cancel_job(work, await _get(work, id, for_update=True))
    if not job.parameters["dry_run"]:  # after a trial, the import may still be started
        await remove_files(work, id, UPLOAD)
    return await _with_revert(work, job)


@feature.post("/imports/{id:uuid}/revert", scope="customers:write", raises=[JobNotInState, AlreadyReverted])
async def revert_import(work: Work, id: UUID) -> CustomerImport:
    """Undo an import: remove the records that it created, and give the others their former values.

    Records that have changed since are left alone, and are listed. A revert that failed goes on where it was.
    """
    job = await _get(work, id, for_update=True)
    if job.state not in FINISHED or job.parameters["dry_run"]:
        raise JobNotInState(f"The import is {job.state}. Only one that has ended is reverted.", state=job.state)
    former = await work.find(Job, for_update=True, kind=REVERT, follows=id)
    if former is not None:
        if former.state != "failed":
            raise AlreadyReverted
        return _resource(job, await resume_job(work, former))
    parameters = {"record_kind": job.parameters.get("record_kind", "customer")}
    revert = Job(kind=REVERT, follows=id, parameters=parameters, actor=work.actor, created_at=work.now)
    return _resource(job, await work.insert(revert))


@feature.get("/imports/{id:uuid}/errors", scope="customers:read", raises=[FileErased], streamed=True)
async def download_import_errors(work: Work, running: Running, id: UUID) -> CsvFile:
    """Return the rows that were refused, as a CSV file: each with its number, the reason, and its cells."""
    job = await _get(work, id)
    reject_erased_files(job)
    return await errors_file(running.files, work.tenant, job)


@feature.periodic(every=timedelta(minutes=10))
async def end_unused_uploads(work: UnitOfWork) -> bool:
    """End imports that were never started."""
    for id in await work.fetch(_END_UNUSED, kind=IMPORT, before=work.now - UNUSED, now=work.now):
        await remove_files(work, id, UPLOAD)
    return False


async def _get(work: UnitOfWork, id: UUID, *, for_update: bool = False) -> Job:
    job = await work.find(Job, for_update=for_update, id=id, kind=IMPORT)
    if job is None:
        raise NotFound(f"No import has the id {id}.")
    return job


def _unresolved(job: Job) -> Any:
    return job


async def _with_revert(work: UnitOfWork, job: Job) -> CustomerImport:
    return _resource(job, await work.find(Job, kind=REVERT, follows=job.id))


def _resource(job: Job, revert: Job | None) -> CustomerImport:
    parameters = job.parameters
    preset = parameters.get("preset") or preset_of(parameters["columns"])
    mapping, columns = parameters["mapping"], parameters["columns"]
    size, at = parameters["size"], (job.cursor or {"at": 0})["at"]
    return CustomerImport.model_validate(
        {
            "id": job.id,
            "state": job.state,
            "format": parameters["format"],
            "size": size,
            "encoding": parameters["received_encoding"],
            "delimiter": parameters["delimiter"],
            "columns": parameters["columns"],
            "record_kind": parameters.get("record_kind", "deal" if preset in DEALS else "customer"),
            "preset": preset,
            "mapping": default_mapping(parameters["columns"], preset) if mapping is None else ordered(mapping, columns),
            "dry_run": parameters["dry_run"],
            "done": job.done,
            **counts_of(job.result),
            "progress": 1.0 if job.state == "succeeded" else round(at / size, 6),
            "failure": job.failure,
            "revert": None if revert is None else _revert(revert),
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
        }
    )


def _revert(job: Job) -> dict[str, Any]:
    return {"state": job.state, "removed": 0, "restored": 0, "kept_count": 0, "kept": [], **(job.result or {})}


_REVERTS = Query(Job, "select * from job where kind = 'import_revert' and follows = any(:ids)")
_END_UNUSED = Query(
    UUID,
    "update job set state = 'cancelled', finished_at = :now "
    "where kind = :kind and state = 'ready' and created_at < :before returning id",
)
