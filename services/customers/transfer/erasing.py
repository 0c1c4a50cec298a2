"""The files of imports and exports: deleted when they are no longer needed, or may contain an erased customer.

No file says whom it contains. So an erasure deletes every export that is older, and the refused rows and the upload of
every import that has ended. An unfinished import goes on, and writes no cells of refused rows from then on. An
unfinished export begins again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import Chunk, Feature, JobRun, Query, UnitOfWork, cancel_job, condition
from chassis.core.files import file_path
from chassis.db.jobs import FINISHED
from chassis.db.tables import SCHEMA
from chassis.messaging.erasures import erase_responses
from chassis.types.ids import first_uuid7_at
from services.customers.base import Job
from services.customers.people.customers.search import lookup_filters
from services.customers.transfer.queries import (
    EXPORT,
    FILES_ERASED,
    IMPORT,
    REMOVAL,
    errors_folder,
    export_folder,
    remove_files,
)

feature = Feature("transfer-files")
FILES = 500
"""Files that a chunk deletes."""
_LOOK_UPS = ("email", "phone", "external_id")
"""The filters of an export that name a customer."""


@feature.job(REMOVAL)
async def delete_files(work: UnitOfWork, job: JobRun) -> Chunk:
    """Delete the files of another job whose names begin with the wanted text."""
    assert job.follows is not None
    folder = file_path(work.tenant.id, job.follows, "")
    wanted = folder + job.parameters["begin"]
    paths = [file.path async for file in job.files.files_in(folder) if file.path.startswith(wanted)][:FILES]
    await job.files.delete(paths)
    return Chunk({}, done=len(paths), is_last=len(paths) < FILES)


@feature.erases(Job)
async def erase_files(work: UnitOfWork, ids: Sequence[UUID]) -> int:
    """Delete the files that may contain erased customers, by jobs. Returns the number of their imports and exports."""
    erased_at = await work.fetch_row(_ERASED_AT, tenant_id=work.tenant.id, ids=list(ids))
    mark = erased_at.isoformat()
    jobs = await work.fetch(_LOCK_OLDER, before=first_uuid7_at(erased_at), mark=mark, kinds=[IMPORT, EXPORT])
    for job in jobs:
        if job.state not in FINISHED and await _finds(work, job, ids):
            job = await cancel_job(work, job)
        await work.update(job, **await _without_persons(work, job, job.parameters | {_MARK: mark}))
    if jobs:  # the stored response of a request for an export contains its filter
        await erase_responses(work, [job.id for job in jobs])
    return len(jobs)


async def _finds(work: UnitOfWork, job: Job, ids: Sequence[UUID]) -> bool:
    """Return whether the filter of an export names one of the customers."""
    wanted = job.parameters.get("filter", {})
    filters = lookup_filters(work, *(wanted.get(name) for name in _LOOK_UPS))
    return bool(filters and await work.select(_FOUND.where([*filters, condition("id = any(:ids)", ids=list(ids))])))


async def _without_persons(work: UnitOfWork, job: Job, parameters: dict[str, Any]) -> dict[str, Any]:
    """Let the files of a job be deleted that are written. Returns what to change in the job."""
    if job.state in FINISHED:
        await remove_files(work, job.id)
        kept = {name: value for name, value in parameters.get("filter", {}).items() if name not in _LOOK_UPS}
        return {"parameters": parameters | {FILES_ERASED: True} | ({"filter": kept} if job.kind == EXPORT else {})}
    if job.kind == IMPORT:
        await remove_files(work, job.id, errors_folder(parameters))
        return {"parameters": parameters | {"run": parameters["run"] + 1, "names_rows_only": True}}
    if job.cursor is not None:
        await remove_files(work, job.id, export_folder(parameters))
        return {"parameters": parameters | {"run": parameters["run"] + 1}, "cursor": None, "done": 0}
    return {"parameters": parameters}


_MARK = "erased_until"
"""The parameter of a job with the time of the latest erasure that it has heeded: a repeat of one changes nothing."""
_ERASED_AT = Query(
    datetime,
    f"select max(erased_at) from {SCHEMA}.erased_person where tenant_id = :tenant_id and person_id = any(:ids)",
)
_LOCK_OLDER = Query(
    Job,
    f"""
    select * from job where id < :before and kind = any(:kinds) and coalesce(parameters->>'{_MARK}', '') < :mark
    order by id for no key update
    """,
)
_FOUND = Query(UUID, "select id from customer where {where}")
