"""The operations that create, read, change and list tasks."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import (
    Feature,
    Filter,
    IfMatch,
    Page,
    PageParams,
    PersonErased,
    Reference,
    ShortLine,
    TimeRange,
    UnitOfWork,
    VersionMismatch,
    Work,
    condition,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.helpdesk.queries.due import due_columns
from services.interactions.outreach import tables
from services.interactions.outreach.queries.tasks import create_task as insert_task
from services.interactions.outreach.rules.tasks import TaskPriority, TaskState, TaskSubject
from services.interactions.outreach.tasks.events import TaskEnded, TaskUpdated
from services.interactions.outreach.tasks.schemas import Task, TaskCreate, TaskUpdate
from services.interactions.outreach.tasks.steps import lock_unfinished, recorded_customer

feature = Feature("tasks")
TaskSort = TypeAliasType("TaskSort", Literal["created_at", "-created_at", "due_at", "-due_at"])
NO_DUE_TIME: dict[str, Any] = {"due_at": None, "by_when": None, "timezone": None}


@feature.post("/tasks", scope="interactions:write", status_code=201, raises=[PersonErased])
async def create_task(work: Work, body: TaskCreate) -> Task:
    """Create a task."""
    task = await insert_task(work, **body.values() | NO_DUE_TIME | due_columns(work, body))
    assert task is not None, "a task without a cause violates no unique constraint"
    return Task.from_row(task)


@feature.get("/tasks", scope="interactions:read")
async def list_tasks(
    work: Work,
    params: PageParams,
    due_at: Annotated[TimeRange, Depends(time_range("due_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only tasks that concern this customer.")] = None,
    owner_id: Annotated[Reference | None, Parameter(description="Only tasks of this agent.")] = None,
    team: Annotated[ShortLine | None, Parameter(description="Only tasks of this team.")] = None,
    state: Annotated[list[TaskState] | None, Parameter(description="Any of these states.")] = None,
    priority: Annotated[list[TaskPriority] | None, Parameter(description="Any of these priorities.")] = None,
    about_kind: Annotated[TaskSubject | None, Parameter(description="Only tasks about records of this kind.")] = None,
    about_id: Annotated[Reference | None, Parameter(description="Only tasks about this record.")] = None,
    overdue: Annotated[bool | None, Parameter(description="True: unfinished, with a due time that is over.")] = None,
    sort: Annotated[TaskSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "created_at",
) -> Page[Task]:
    """List tasks. Sorted by `due_at`, only those with a due time are listed."""
    where = [*of_person(customer_id), *due_at.filters, *_overdue(work, overdue)]
    where += equals(owner_id=owner_id, team=team, state=state, priority=priority)
    where += equals(about_kind=about_kind, about_id=about_id)
    if sort.endswith("due_at"):
        where.append(condition("due_at is not null"))
    return await paginate(work, params, tables.Task, Task, sort=sort, where=where)


@feature.get("/tasks/{id:uuid}", scope="interactions:read")
async def read_task(work: Work, id: UUID) -> Task:
    """Return a task."""
    return Task.from_row(await work.get(tables.Task, id))


@feature.patch("/tasks/{id:uuid}", scope="interactions:write", raises=[TaskEnded, VersionMismatch])
async def update_task(work: Work, id: UUID, body: TaskUpdate, if_match: IfMatch) -> Task:
    """Change the fields that are named. A task that is done or cancelled does not change any more."""
    before = await lock_unfinished(work, id, if_match)
    stated = body.changes()
    values = {name: value for name, value in stated.items() if name not in NO_DUE_TIME}
    values |= due_columns(work, body) or (NO_DUE_TIME if stated.get("due_at", "") is None else {})
    if "owner_id" in values and values["owner_id"] is None:
        values["state"] = "open"
    changes = {name: value for name, value in values.items() if value != getattr(before, name)}
    if not changes:
        return Task.from_row(before)
    announced = {"announces_at": changes["due_at"]} if "due_at" in changes else {}
    task = await work.update(before, **changes, **announced)
    customer_id = await recorded_customer(work, task)
    work.publish(TaskUpdated.from_row(task, task_id=id, customer_id=customer_id, changed=sorted(changes)))
    return Task.from_row(task)


def _overdue(work: UnitOfWork, overdue: bool | None) -> list[Filter]:
    """Return the condition that tasks are overdue, or that they are not."""
    if overdue is None:
        return []
    condition_text = "coalesce(state in ('open', 'in_progress') and due_at < :now, false) = :overdue"
    return [condition(condition_text, now=work.now, overdue=overdue)]
