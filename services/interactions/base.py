"""The registry of this service's tables, and its jobs."""

from typing import Any

from chassis import RUNNABLE_JOBS, JobColumns, Table, job_constraints, new_registry


class Base(Table, registry=new_registry()):
    """A table of the interactions service."""


class Job(JobColumns, Base, table=True):
    """Long work, which the worker does in chunks."""

    __tablename__ = "job"
    __table_args__: Any = job_constraints()


Base.metadata.info.setdefault("objects", []).append(RUNNABLE_JOBS)
