"""Jobs: long work that the worker does in chunks, each in a transaction that also moves the job's cursor.

A service with jobs declares the table, `class Job(JobColumns, Base, table=True)`, and lists `RUNNABLE_JOBS` among its
database objects. Its features declare kinds (`Feature.job`). A job is a row, and inserting it starts the work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field
from typing_extensions import TypeAliasType

from chassis.core.files import FileStore
from chassis.core.problems import Problem
from chassis.core.settings import Settings
from chassis.db.tables import DatabaseFunction, Table, bigint, check, document, index, timestamp
from chassis.db.unit_of_work import UnitOfWork
from chassis.types.choices import choices_of

JobState = TypeAliasType(
    "JobState", Literal["ready", "queued", "running", "paused", "cancelled", "succeeded", "failed"]
)
ACTIVE: tuple[JobState, ...] = ("queued", "running")
"""The states in which a worker takes the next chunk."""
FINISHED: tuple[JobState, ...] = ("cancelled", "succeeded", "failed")


class JobNotInState(Problem, status=409):
    """The job is in a state in which this is not possible.

    `state` is its state. Read the job again: it may have finished, or another request may have changed it.
    """


class JobColumns(Table):
    """The columns of a service's table of jobs."""

    kind: str
    """The name under which a feature has declared the function that does the work."""
    state: JobState = Field(default="queued", sa_type=Text)
    parameters: dict[str, Any] = document(default_factory=dict)
    cursor: dict[str, Any] | None = document(default=None)
    """Where the next chunk begins, or None before the first."""
    result: dict[str, Any] | None = document(default=None)
    done: int = bigint(default=0)
    total: int | None = bigint(default=None)
    errors: int = bigint(default=0)
    attempts: int = bigint(default=0)
    """How often the next chunk has failed."""
    retry_at: datetime | None = timestamp(default=None)
    failure: dict[str, Any] | None = document(default=None)
    """Why it failed: a code and a sentence."""
    follows: UUID | None = None
    """The job whose result it works on."""
    actor: str
    created_at: datetime = timestamp()
    started_at: datetime | None = timestamp(default=None)
    finished_at: datetime | None = timestamp(default=None)


JobT = TypeVar("JobT", bound=JobColumns)
_UNTRIED: dict[str, Any] = {"attempts": 0, "retry_at": None, "failure": None, "finished_at": None}


def job_constraints() -> tuple[Any, ...]:
    """Return the constraints and indexes of a service's table of jobs."""
    states = ", ".join(f"'{state}'" for state in choices_of(JobState))
    return (
        check("state", f"state in ({states})"),
        index("kind", "created_at", "id"),
        index("follows"),
        index("finished_at", "id"),
        Index("ix_job_runnable", "tenant_id", "id", postgresql_where=text("state in ('queued', 'running')")),
    )


RUNNABLE_JOBS = DatabaseFunction(
    "runnable_jobs(text[])",
    """
    create or replace function runnable_jobs(kinds text[], out tenant_id uuid, out id uuid) returns setof record
    language sql stable security definer set search_path = public, pg_temp as $$
        select distinct on (tenant_id) tenant_id, id from job
        where state in ('queued', 'running') and kind = any(kinds) and coalesce(retry_at <= now(), true)
        order by tenant_id, id limit 1000
    $$
    """,
)
"""The oldest job of each tenant whose next chunk is due. It names all tenants, which row-level security hides."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job while its function works on a chunk."""

    id: UUID
    parameters: dict[str, Any]
    cursor: dict[str, Any] | None
    result: dict[str, Any] | None
    done: int
    follows: UUID | None
    files: FileStore
    settings: Settings


@dataclass(frozen=True, slots=True)
class Chunk:
    """The result of a chunk, which is stored with everything that it wrote."""

    cursor: dict[str, Any]
    """Where the next chunk begins."""
    done: int = 0
    """How many items it has completed, those with errors included."""
    errors: int = 0
    total: int | None = None
    """The number of all items, if it is known now."""
    is_last: bool = False
    result: dict[str, Any] | None = None
    """What the job reports so far."""


class JobFailed(Exception):
    """The job cannot go on, and repeating the chunk would not help. The sentence is for the tenant."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


RunChunk = Callable[[UnitOfWork, JobRun], Awaitable[Chunk]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job, and the function that does a chunk of one."""

    feature: str
    name: str
    run: RunChunk


async def start_job(work: UnitOfWork, job: JobT) -> JobT:
    """Let the worker begin a job that is ready. Raises JobNotInState."""
    return await _move(work, job, ("ready",), "queued")


async def pause_job(work: UnitOfWork, job: JobT) -> JobT:
    """Stop a job after its current chunk, until it is resumed. Raises JobNotInState."""
    return await _move(work, job, ACTIVE, "paused")


async def resume_job(work: UnitOfWork, job: JobT) -> JobT:
    """Let a paused job go on, or one that failed try its chunk again. Raises JobNotInState."""
    return await _move(work, job, ("paused", "failed"), "queued", **_UNTRIED)


async def restart_job(work: UnitOfWork, job: JobT) -> JobT:
    """Let a job that has ended be started once more, from its beginning. Raises JobNotInState."""
    begun: dict[str, Any] = {"cursor": None, "result": None, "done": 0, "total": None, "errors": 0, "started_at": None}
    return await _move(work, job, FINISHED, "ready", **begun, **_UNTRIED)


async def cancel_job(work: UnitOfWork, job: JobT) -> JobT:
    """End a job. The chunks that are done stay. Raises JobNotInState."""
    return await _move(work, job, ("ready", "paused", *ACTIVE), "cancelled", finished_at=work.now)


async def _move(work: UnitOfWork, job: JobT, allowed: tuple[JobState, ...], state: JobState, **changes: Any) -> JobT:
    if job.state not in allowed:
        raise JobNotInState(f"The job is {job.state}.", state=job.state)
    return await work.update(job, state=state, **changes)
