"""The events and problems of tasks."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chassis import Problem
from services.interactions.outreach.queries.tasks import TaskEvent


class TaskUpdated(TaskEvent, type="interactions.task_updated.v1", partition_key="subject_id"):
    """Fields of a task changed, for example because an agent has claimed it."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["owner_id"]])]
    updated_at: datetime
    """When it was changed."""


class TaskDue(TaskEvent, type="interactions.task_due.v1", partition_key="subject_id"):
    """The due time of a task is over, and it is not done. Published once for each due time."""


class TaskDone(TaskEvent, type="interactions.task_done.v1", partition_key="subject_id"):
    """A task was done."""

    done_at: datetime
    """When it was done."""


class TaskCancelled(TaskEvent, type="interactions.task_cancelled.v1", partition_key="subject_id"):
    """A task was cancelled."""

    cancelled_at: datetime
    """When it was cancelled."""


class TaskEnded(Problem, status=409):
    """The task is done or cancelled.

    `state` is its state. Create a new task.
    """


class TaskNotFree(Problem, status=409):
    """Another agent is in charge of the task.

    `owner_id` is that agent. Choose another task, or change its owner first.
    """
