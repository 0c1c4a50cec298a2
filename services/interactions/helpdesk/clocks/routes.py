"""The operations on clocks."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from pydantic import Field

from chassis import Feature, Page, PageParams, Resource, TimeRange, Work, equals, paginate, time_range
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.clocks import ClockKind, ClockState, TargetTime

feature = Feature("clocks")
Sort = Literal["due_at", "-due_at"]
_SORT_COLUMNS: dict[Sort, str] = {"due_at": "due_order", "-due_at": "-due_order"}


class SlaWarning(Resource):
    """A percentage of the target that was reached."""

    percent: Annotated[int, Field(examples=[75])]
    """The percentage."""
    at: datetime
    """When it was reached."""


class SlaClock(Resource, row=tables.SlaClock, computed=("target_seconds", "active_seconds")):
    """A cycle of a clock of a case."""

    id: UUID
    """Identifies the clock."""
    case_id: UUID
    """The case."""
    kind: ClockKind
    """The answer that it waits for."""
    cycle: int
    """Counts the clocks of this kind of the case from 1."""
    state: ClockState
    """Whether it runs, is paused while the case waits for the customer, or how it ended. A breach is stored within two
    minutes after the due time."""
    policy_id: UUID
    """The policy."""
    policy_version: int
    """The version of the policy, which a later change of the policy does not change."""
    target_seconds: int
    """The seconds that the answer may take."""
    target_time: TargetTime
    """`business` counts the open time of the calendar, `elapsed` all time."""
    active_seconds: int
    """The seconds that counted until it was last started, paused or ended."""
    started_at: datetime
    """When it started."""
    due_at: datetime | None
    """When it is due, or null if it does not run."""
    warned: list[SlaWarning]
    """The warnings that were published."""
    breached_at: datetime | None
    """The due time that passed without an answer, or null."""
    ended_at: datetime | None
    """When the answer was given, or when none was needed any more. Null if it is still awaited."""

    @classmethod
    def of(cls, row: tables.SlaClock) -> Self:
        """Return the resource of a row."""
        seconds = {"target_seconds": row.target_us // 1_000_000, "active_seconds": row.active_us // 1_000_000}
        return cls.from_row(row, **seconds)


@feature.get("/cases/{id:uuid}/clocks", scope="interactions:read")
async def list_case_clocks(work: Work, id: UUID, params: PageParams) -> Page[SlaClock]:
    """List the clocks of a case in the order in which they started. A case without a policy has none."""
    await work.get(tables.SupportCase, id)
    return await paginate(work, params, tables.SlaClock, SlaClock.of, where=equals(case_id=id))


@feature.get("/sla-clocks", scope="interactions:read")
async def list_sla_clocks(
    work: Work,
    params: PageParams,
    due_at: Annotated[TimeRange, Depends(time_range("due_at"))],
    state: Annotated[list[ClockState] | None, Parameter(description="Any of these states.")] = None,
    kind: Annotated[list[ClockKind] | None, Parameter(description="Any of these kinds.")] = None,
    policy_id: Annotated[UUID | None, Parameter(description="Only clocks of this policy.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "due_at",
) -> Page[SlaClock]:
    """List clocks by their due times, such as those that are due soon. Clocks that do not run sort as due last."""
    states = state[0] if state and len(state) == 1 else state
    where = [*due_at.filters, *equals(state=states, kind=kind, policy_id=policy_id)]
    return await paginate(work, params, tables.SlaClock, SlaClock.of, sort=_SORT_COLUMNS[sort], where=where)


@feature.get("/sla-clocks/{id:uuid}", scope="interactions:read")
async def read_sla_clock(work: Work, id: UUID) -> SlaClock:
    """Return a clock."""
    return SlaClock.of(await work.get(tables.SlaClock, id))
