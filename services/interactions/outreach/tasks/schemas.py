"""Request and response bodies of tasks."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from pydantic import model_validator

from chassis import Fields, Line, MergePatch, MultilineText, Reference, RequestBody, Resource, ShortLine
from services.interactions.helpdesk.queries.due import DueValues
from services.interactions.helpdesk.rules.due import LocalTime
from services.interactions.outreach import tables
from services.interactions.outreach.rules.tasks import TaskPriority, TaskState, TaskSubject


class TaskFields(Fields):
    """The fields of a task that may be null."""

    description: MultilineText | None = None
    """Details of the task."""
    owner_id: Reference | None = None
    """The agent in charge, by an id of your own."""
    team: ShortLine | None = None
    """The team in charge."""


class TaskCreate(TaskFields, DueValues, RequestBody):
    """A task to create."""

    example = {
        "title": "Call about the kettle",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "team": "repairs",
        "about_kind": "reference",
        "about_id": "repair-4711",
        "by_when": "2199-03-02T17:00",
        "priority": "high",
    }

    title: Line
    """The task in a line."""
    customer_id: UUID | None = None
    """The customer whom it concerns."""
    about_kind: TaskSubject | None = None
    """The kind of record that it is about. It goes with `about_id`."""
    about_id: Reference | None = None
    """The id of that record."""
    priority: TaskPriority = "normal"
    """Its priority."""

    @model_validator(mode="after")
    def _require_whole_subject(self) -> Self:
        if (self.about_kind is None) != (self.about_id is None):
            raise ValueError("about_kind and about_id go together")
        if self.about_id is not None and self.about_kind != "reference":
            try:
                UUID(self.about_id)
            except ValueError:
                raise ValueError("about_id must be the id of a record") from None
        return self


class TaskUpdate(TaskFields, DueValues, MergePatch):
    """Fields to change: null clears a field. A new due time is announced again. `due_at` null: no due time."""

    example = {"priority": "urgent"}
    never_null: ClassVar[frozenset[str]] = frozenset(("title", "priority", "by_when", "timezone"))

    title: Line | None = None
    """The task in a line."""
    priority: TaskPriority | None = None
    """Its priority."""


class TaskClaimRequest(RequestBody):
    """The agent that claims a task."""

    example = {"owner_id": "agent-7"}

    owner_id: Reference
    """The agent, by an id of your own."""


class TaskCancelRequest(RequestBody):
    """Why a task is cancelled."""

    example = {"reason": "The customer has called."}

    reason: MultilineText
    """The reason."""


class Task(TaskFields, Resource, row=tables.Task, etag="version"):
    """A task of an agent or a team."""

    id: UUID
    """Identifies the task."""
    version: int
    """Counts the changes. It is the ETag."""
    title: str
    """The task in a line."""
    customer_id: UUID | None
    """The customer whom it concerns, or null."""
    about_kind: TaskSubject | None
    """The kind of record that it is about, or null."""
    about_id: str | None
    """The id of that record, or null."""
    due_at: datetime | None
    """When it is due, or null."""
    by_when: LocalTime | None
    """The due time as a local date or time, or null if it was stated as an instant."""
    timezone: str | None
    """The time zone of `by_when`, or null without a due time."""
    priority: TaskPriority
    """Its priority."""
    state: TaskState
    """Open, in progress once an agent has claimed it, done or cancelled."""
    done_at: datetime | None
    """When it was done, or null."""
    cancelled_at: datetime | None
    """When it was cancelled, or null."""
    cancelled_reason: str | None
    """Why it was cancelled, or null."""
    cause_kind: str | None
    """The kind of its cause, or null if a request created it."""
    cause_id: str | None
    """The id of its cause, or null."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""
