"""Tasks, created by requests and by other features: the latter once for each cause."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Event, UnitOfWork, reject_erased
from services.interactions.outreach import tables
from services.interactions.outreach.rules.tasks import TaskPriority, TaskSubject


class TaskEvent(Event):
    """The fields of every event about a task. Its texts are read from the API, because they may name a person."""

    task_id: UUID
    """The task."""
    customer_id: UUID | None
    """The customer whom it concerns, or null."""
    owner_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The agent in charge, or null."""
    team: Annotated[str | None, Field(examples=["repairs"])]
    """The team in charge, or null."""
    about_kind: TaskSubject | None
    """The kind of record that it is about, or null."""
    about_id: Annotated[str | None, Field(examples=["0193a7c2-5b1e-7c3a-9d54-0242ac120002"])]
    """The id of that record, or null."""
    priority: TaskPriority
    """Its priority."""
    due_at: datetime | None
    """When it is due, or null."""

    @property
    def subject_id(self) -> UUID:
        """The customer, or the task itself if it has none."""
        return self.customer_id or self.task_id


class TaskCreated(TaskEvent, type="interactions.task_created.v1", partition_key="subject_id"):
    """A task was created."""

    cause_kind: Annotated[str | None, Field(examples=["automation"])]
    """The kind of its cause, or null if a request created it."""
    cause_id: Annotated[str | None, Field(examples=["0193a7c2-5b1e-7c3a-9d54-0242ac120002"])]
    """The id of its cause, or null."""
    created_at: datetime
    """When it was created."""


async def create_task(
    work: UnitOfWork, *, cause_kind: str | None = None, cause_id: str | None = None, **columns: Any
) -> tables.Task | None:
    """Create a task with these columns and publish it. Returns None if its cause has created a task already.

    Raises PersonErased for a task that concerns an erased customer.
    """
    customer_id = columns.get("customer_id")
    if customer_id is not None:
        await reject_erased(work, customer_id)
    columns |= {"cause_kind": cause_kind, "cause_id": cause_id, "announces_at": columns.get("due_at")}
    task = await work.insert_or_ignore(tables.Task(**columns))
    if task is not None:
        work.publish(TaskCreated.from_row(task, task_id=task.id))
    return task
