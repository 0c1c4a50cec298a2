"""Cases that wait for an agent: how they enter a queue, overflow to another and leave."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Command, Query, UnitOfWork
from services.interactions.contact.queries.profiles import profile_of
from services.interactions.helpdesk.queries.case_events import CaseEvent
from services.interactions.helpdesk.queries.cases import event_of
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing import tables
from services.interactions.routing.rules.queues import Place, first_queue, overflows
from services.interactions.routing.rules.ranking import rank_of_case


class CaseQueued(CaseEvent, type="interactions.case_queued.v1", partition_key="subject_id"):
    """A case waits for an agent in a queue: it was opened, reopened or transferred, or has overflowed to it."""

    channel: Annotated[str, Field(examples=["phone"])]
    """The channel on which the case arrived."""
    queue_id: UUID
    """The queue."""
    overflowed_from_id: UUID | None
    """The queue in which the case had waited too long, or null."""
    queued_at: datetime
    """When it began to wait, in any queue."""
    entered_at: datetime
    """When it entered this queue."""


async def choose_queue(work: UnitOfWork, case: SupportCase) -> tables.Queue | None:
    """Return the first active queue whose conditions a case meets, or None."""
    profile = None if case.customer_id is None else await profile_of(work, case.customer_id)
    language = profile.languages[0] if profile and profile.languages else None
    return first_queue(await work.fetch(_ACTIVE_QUEUES), case, language)


async def enter_queue(
    work: UnitOfWork, case: SupportCase, queue_id: UUID, *, left_agent_id: str | None = None
) -> tables.QueuedCase:
    """Let a locked case wait in a queue. One that waits in another queue moves, and keeps its time of waiting."""
    before = await work.find(tables.QueuedCase, case_id=case.id, for_update=True)
    changes: dict[str, Any] = {"queue_id": queue_id, "entered_at": work.now, "left_agent_id": left_agent_id}
    if before is None:
        rank = rank_of_case(case.priority, case.opened_at)
        row = tables.QueuedCase(case_id=case.id, priority=case.priority, rank=rank, queued_at=work.now, **changes)
        waiting = await work.insert(row)
    else:
        waiting = await work.update(before, **changes)
    work.publish(await event_of(work, CaseQueued, case, **_facts(waiting), overflowed_from_id=None))
    return waiting


async def leave_queue(work: UnitOfWork, case_id: UUID) -> None:
    """Let a case wait no longer."""
    await work.execute(_LEAVE, case_id=case_id)


async def overflow_cases(work: UnitOfWork) -> None:
    """Move the cases that have waited too long to the queues that take them over, at the moments that they were due."""
    rows = await work.fetch(_OVERDUE, now=work.now)
    if not rows:
        return
    queues = {queue.id: queue for queue in await work.fetch(_QUEUES)}
    for row in rows:
        case = await work.get(SupportCase, row.case_id, for_update=True)
        waiting = row
        for place in overflows(Place(row.queue_id, row.entered_at), queues, work.now):
            left_id = waiting.queue_id
            moved = {"queue_id": place.queue_id, "entered_at": place.entered_at, "left_agent_id": None}
            waiting = await work.update(waiting, **moved)
            work.publish(await event_of(work, CaseQueued, case, **_facts(waiting), overflowed_from_id=left_id))


def _facts(waiting: tables.QueuedCase) -> dict[str, object]:
    return {"queue_id": waiting.queue_id, "queued_at": waiting.queued_at, "entered_at": waiting.entered_at}


_ACTIVE_QUEUES = Query(tables.Queue, "select * from routing_queue where active order by position, id")
_QUEUES = Query(tables.Queue, "select * from routing_queue order by id")
_LEAVE = Command("delete from queued_case where case_id = :case_id")
_OVERDUE = Query(
    tables.QueuedCase,
    """
    select queued_case.* from queued_case
    join routing_queue as queue on queue.id = queued_case.queue_id
    where queue.overflow_queue_id is not null
        and queued_case.entered_at + make_interval(mins => queue.overflow_after_minutes) <= :now
    order by queued_case.rank, queued_case.id limit 500
    """,
)
