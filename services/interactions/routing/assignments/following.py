"""The events of cases that routing follows, and the work that time alone brings: relaxations, overflows, wrap-ups."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from chassis import Feature, IncomingEvent, Query, UnitOfWork, Work
from services.interactions.routing.queries.assignments import end_wrap_ups
from services.interactions.routing.queries.dispatching import dispatch_cases
from services.interactions.routing.queries.following import follow_case, is_routing_used
from services.interactions.routing.queries.locking import lock_routing

feature = Feature("assignments")


class CaseOpened(IncomingEvent, type="interactions.case_opened.v1"):
    """A case was opened."""

    case_id: UUID


class CaseUpdated(IncomingEvent, type="interactions.case_updated.v1"):
    """Fields of a case changed, such as its priority."""

    case_id: UUID


class CaseAssigned(IncomingEvent, type="interactions.case_assigned.v1"):
    """A case has another agent or team."""

    case_id: UUID


class CaseStatusChanged(IncomingEvent, type="interactions.case_status_changed.v1"):
    """A case moved to another state."""

    case_id: UUID


# Assignments of an erased customer's cases still take capacity, and consist of ids and times alone.


@feature.on_batch(CaseOpened, of_erased=True)
async def queue_opened_cases(work: UnitOfWork, events: Sequence[CaseOpened]) -> None:
    """Let cases that were opened without an agent enter their queues, and dispatch them."""
    await _follow(work, [event.case_id for event in events])


@feature.on_batch(CaseUpdated, of_erased=True)
async def rank_updated_cases(work: UnitOfWork, events: Sequence[CaseUpdated]) -> None:
    """Order waiting cases by their present priority."""
    await _follow(work, [event.case_id for event in events])


@feature.on_batch(CaseAssigned, of_erased=True)
async def follow_assigned_cases(work: UnitOfWork, events: Sequence[CaseAssigned]) -> None:
    """Record assignments that were made by hand, and let cases whose agent was removed wait."""
    await _follow(work, [event.case_id for event in events])


@feature.on_batch(CaseStatusChanged, of_erased=True)
async def follow_moved_cases(work: UnitOfWork, events: Sequence[CaseStatusChanged]) -> None:
    """End the assignments of resolved cases, and route those that were reopened."""
    await _follow(work, [event.case_id for event in events])


@feature.periodic(every=timedelta(seconds=15))
async def route_waiting_cases(work: Work) -> bool:
    """End wrap-ups whose time is over, let cases overflow, and dispatch with the present levels."""
    if not await work.fetch_row(_IS_WORK_LEFT, now=work.now):
        return False
    await lock_routing(work)
    await end_wrap_ups(work)
    return await dispatch_cases(work)


async def _follow(work: UnitOfWork, case_ids: Sequence[UUID]) -> None:
    if not await is_routing_used(work):
        return
    await lock_routing(work)
    for case_id in sorted(set(case_ids)):
        await follow_case(work, case_id)
    await dispatch_cases(work)


_IS_WORK_LEFT = Query(
    bool,
    """
    select exists (select from queued_case)
        or exists (select from case_assignment where state = 'wrap_up' and wrap_up_until <= :now)
    """,
)
