"""The steps of a task: an agent claims it, it is done or cancelled, and its due time is announced.

A claim locks the task. Of two agents that claim it at once, one gets it.
"""

from datetime import timedelta
from uuid import UUID

from chassis import Command, Feature, IfMatch, Query, UnitOfWork, VersionMismatch, Work, recorded_person
from services.interactions.outreach import tables
from services.interactions.outreach.tasks.events import (
    TaskCancelled,
    TaskDone,
    TaskDue,
    TaskEnded,
    TaskNotFree,
    TaskUpdated,
)
from services.interactions.outreach.tasks.schemas import Task, TaskCancelRequest, TaskClaimRequest

feature = Feature("tasks")

BATCH_SIZE = 200


async def lock_unfinished(work: UnitOfWork, id: UUID, if_match: IfMatch) -> tables.Task:
    """Lock and return a task that is not finished. Raises NotFound, VersionMismatch and TaskEnded."""
    task = await work.get(tables.Task, id, for_update=True)
    work.check_version(task, if_match)
    if task.state in ("done", "cancelled"):
        raise TaskEnded(f"The task is {task.state}.", state=task.state)
    return task


async def recorded_customer(work: UnitOfWork, task: tables.Task) -> UUID | None:
    """Return the customer under whom a task was recorded, or None."""
    return None if task.customer_id is None else await recorded_person(work, task)


@feature.post("/tasks/{id:uuid}/claim", scope="interactions:write", raises=[TaskEnded, TaskNotFree, VersionMismatch])
async def claim_task(work: Work, id: UUID, body: TaskClaimRequest, if_match: IfMatch) -> Task:
    """Begin a task that belongs to no other agent."""
    before = await lock_unfinished(work, id, if_match)
    if before.owner_id not in (None, body.owner_id):
        raise TaskNotFree(owner_id=before.owner_id)
    changes = {"owner_id": body.owner_id, "state": "in_progress"}
    changed = sorted(name for name, value in changes.items() if value != getattr(before, name))
    if not changed:
        return Task.from_row(before)
    task = await work.update(before, **changes)
    customer_id = await recorded_customer(work, task)
    work.publish(TaskUpdated.from_row(task, task_id=id, customer_id=customer_id, changed=changed))
    return Task.from_row(task)


@feature.post("/tasks/{id:uuid}/complete", scope="interactions:write", raises=[TaskEnded, VersionMismatch])
async def complete_task(work: Work, id: UUID, if_match: IfMatch) -> Task:
    """Record that a task is done."""
    task = await lock_unfinished(work, id, if_match)
    task = await work.update(task, state="done", done_at=work.now, announces_at=None)
    work.publish(TaskDone.from_row(task, task_id=id, customer_id=await recorded_customer(work, task)))
    return Task.from_row(task)


@feature.post("/tasks/{id:uuid}/cancel", scope="interactions:write", raises=[TaskEnded, VersionMismatch])
async def cancel_task(work: Work, id: UUID, body: TaskCancelRequest, if_match: IfMatch) -> Task:
    """Cancel a task, with the reason."""
    task = await lock_unfinished(work, id, if_match)
    task = await work.update(
        task, state="cancelled", cancelled_at=work.now, cancelled_reason=body.reason, announces_at=None
    )
    work.publish(TaskCancelled.from_row(task, task_id=id, customer_id=await recorded_customer(work, task)))
    return Task.from_row(task)


@feature.periodic(every=timedelta(seconds=15))
async def announce_due_tasks(work: Work) -> bool:
    """Announce the unfinished tasks whose due time is over."""
    tasks = await work.fetch(_LOCK_DUE, now=work.now, batch_size=BATCH_SIZE)
    for task in tasks:
        work.publish(TaskDue.from_row(task, task_id=task.id, customer_id=await recorded_customer(work, task)))
    await work.execute(_MARK_ANNOUNCED, ids=[task.id for task in tasks])
    return len(tasks) == BATCH_SIZE


# A row that another transaction has locked is skipped. The next run sees the result of that transaction.
_LOCK_DUE = Query(
    tables.Task,
    """
    select * from task where announces_at < :now and state in ('open', 'in_progress')
    order by announces_at, id limit :batch_size for no key update skip locked
    """,
)
_MARK_ANNOUNCED = Command("update task set announces_at = null where id = any(:ids)")
