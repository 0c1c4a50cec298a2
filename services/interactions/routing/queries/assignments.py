"""Assignments, begun and ended. The case itself is assigned by the helpdesk, which records the step and its event.

The callers have locked the routing of the tenant and the case.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import Command, Query, UnitOfWork
from services.interactions.helpdesk.queries.cases import assign_case
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.routing import tables
from services.interactions.routing.queries.waiting import leave_queue
from services.interactions.routing.rules.assignments import (
    AssignmentEnd,
    AssignmentOrigin,
    DecisionDocument,
    state_at,
)


async def begin_assignment(
    work: UnitOfWork,
    case: SupportCase,
    agent_id: str,
    origin: AssignmentOrigin,
    *,
    queue_id: UUID | None = None,
    forced: bool = False,
    reason: str | None = None,
    decision: DecisionDocument | None = None,
) -> tables.Assignment:
    """Give a case to an agent, and let it wait no longer."""
    if case.agent_id != agent_id:
        await assign_case(work, case, {"agent_id": agent_id}, reason=reason)
    await leave_queue(work, case.id)
    row = tables.Assignment(
        case_id=case.id,
        agent_id=agent_id,
        queue_id=queue_id,
        channel=case.channel,
        origin=origin,
        forced=forced,
        assigned_at=work.now,
        decision=decision,
    )
    await work.execute(_BUSY, agent_id=agent_id, now=work.now)
    return await work.insert(row)


async def open_assignment(work: UnitOfWork, case_id: UUID) -> tables.Assignment | None:
    """Lock and return the assignment of a case that takes capacity, or None. A wrap-up whose time is over is ended."""
    row = next(iter(await work.fetch(_LOCK_OPEN, case_id=case_id)), None)
    if row is not None and state_at(row.state, row.wrap_up_until, work.now) == "ended":
        await end_assignment(work, row, "wrapped_up", at=row.wrap_up_until)
        return None
    return row


async def end_assignment(
    work: UnitOfWork, assignment: tables.Assignment, because: AssignmentEnd, *, at: Any = None
) -> tables.Assignment:
    """End a locked assignment, so that it takes no capacity."""
    return await work.update(assignment, state="ended", ended_at=at or work.now, ended_because=because)


async def wrap_up_or_end(work: UnitOfWork, assignment: tables.Assignment) -> None:
    """End an active assignment whose case was resolved, once the wrap-up of its queue is over."""
    queue = None if assignment.queue_id is None else await work.find(tables.Queue, id=assignment.queue_id)
    if queue is None or queue.wrap_up_seconds == 0:
        await end_assignment(work, assignment, "resolved")
        return
    until = work.now + timedelta(seconds=queue.wrap_up_seconds)
    await work.update(assignment, state="wrap_up", wrap_up_since=work.now, wrap_up_until=until)


async def end_wrap_ups(work: UnitOfWork) -> int:
    """End the wrap-ups whose time is over, at the time at which it was. Returns their number."""
    return await work.execute(_END_WRAP_UPS, now=work.now)


async def last_assignment(work: UnitOfWork, case_id: UUID) -> tables.Assignment | None:
    """Return the newest assignment of a case, or None."""
    rows: Sequence[tables.Assignment] = await work.fetch(_LAST, case_id=case_id)
    return next(iter(rows), None)


_BUSY = Command("update agent set idle_since = :now where agent_id = :agent_id")
_LOCK_OPEN = Query(
    tables.Assignment,
    "select * from case_assignment where case_id = :case_id and state <> 'ended' for no key update",
)
_LAST = Query(tables.Assignment, "select * from case_assignment where case_id = :case_id order by id desc limit 1")
_END_WRAP_UPS = Command(
    """
    update case_assignment set state = 'ended', ended_at = wrap_up_until, ended_because = 'wrapped_up'
    where state = 'wrap_up' and wrap_up_until <= :now
    """
)
