"""The runs of automations: read, listed and stopped."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import (
    Feature,
    Page,
    PageParams,
    PersonErased,
    Problem,
    TimeRange,
    Work,
    equals,
    of_person,
    paginate,
    reject_erased,
    time_range,
)
from services.interactions.outreach import tables
from services.interactions.outreach.automations.run_schemas import (
    AutomationRun,
    AutomationRunCreate,
    AutomationRunStep,
    AutomationRunStopRequest,
)
from services.interactions.outreach.queries.automations import first_due
from services.interactions.outreach.rules.automations import AutomationRunState

feature = Feature("automations")
RunSort = TypeAliasType("RunSort", Literal["started_at", "-started_at"])


class RunEnded(Problem, status=409):
    """The run has ended.

    `state` is its state. There is nothing to stop.
    """


class AutomationInactive(Problem, status=409):
    """The automation is not active.

    Activate it first.
    """


@feature.post(
    "/automations/{id:uuid}/runs",
    scope="interactions:write",
    status_code=201,
    raises=[AutomationInactive, PersonErased],
    idempotency_key="required",
)
async def start_automation_run(work: Work, id: UUID, body: AutomationRunCreate) -> AutomationRun:
    """Start a run for a customer by hand, whatever the conditions. The facts of an event are absent from its texts."""
    automation = await work.get(tables.Automation, id, for_update=True)
    if not automation.active:
        raise AutomationInactive
    await reject_erased(work, body.customer_id)
    run = tables.AutomationRun(
        automation_id=id,
        automation_version=automation.version,
        customer_id=body.customer_id,
        started_by=work.actor,
        about_kind="customer",
        about_id=body.customer_id,
        facts={},
        chain=[str(id)],
        state="running",
        next_at=first_due(work, automation),
        started_at=work.now,
    )
    return _resource(await work.insert(run))


@feature.get("/automation-runs", scope="interactions:read")
async def list_automation_runs(
    work: Work,
    params: PageParams,
    started_at: Annotated[TimeRange, Depends(time_range("started_at"))],
    automation_id: Annotated[UUID | None, Parameter(description="Only runs of this automation.")] = None,
    customer_id: Annotated[UUID | None, Parameter(description="Only runs for this customer.")] = None,
    state: Annotated[AutomationRunState | None, Parameter(description="Only runs in this state.")] = None,
    sort: Annotated[RunSort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-started_at",
) -> Page[AutomationRun]:
    """List the runs of automations, the latest first."""
    where = [*of_person(customer_id), *started_at.filters, *equals(automation_id=automation_id, state=state)]
    return await paginate(work, params, tables.AutomationRun, _resource, sort=sort, where=where)


@feature.get("/automation-runs/{id:uuid}", scope="interactions:read")
async def read_automation_run(work: Work, id: UUID) -> AutomationRun:
    """Return a run."""
    return _resource(await work.get(tables.AutomationRun, id))


@feature.get("/automation-runs/{id:uuid}/steps", scope="interactions:read")
async def list_automation_run_steps(work: Work, id: UUID, params: PageParams) -> Page[AutomationRunStep]:
    """List what the steps of a run did, in the order in which they were performed."""
    await work.get(tables.AutomationRun, id)
    return await paginate(
        work, params, tables.AutomationStep, AutomationRunStep, sort="number", where=equals(run_id=id)
    )


@feature.post("/automation-runs/{id:uuid}/stop", scope="interactions:write", raises=[RunEnded])
async def stop_automation_run(work: Work, id: UUID, body: AutomationRunStopRequest) -> AutomationRun:
    """Stop a run. The steps that it has not performed are left out."""
    run = await work.get(tables.AutomationRun, id, for_update=True)
    if run.state != "running":
        raise RunEnded(f"The run is {run.state}.", state=run.state)
    run = await work.update(run, state="stopped", reason=body.reason, next_at=None, ended_at=work.now)
    return _resource(run)


def _resource(run: tables.AutomationRun) -> AutomationRun:
    return AutomationRun.from_row(run, chain=[UUID(each) for each in run.chain])
