"""The steps of runs: each is performed once, when it is due, under the name of its run.

A transaction performs a single step and moves the run to the next one, so a worker that dies half-way has done nothing,
and the next one begins where it was. What the step publishes has the run as its principal: that is how a loop is found.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chassis import Event, Feature, Problem, Query, UnitOfWork, recorded_person
from services.interactions.contact.queries.messages import request_message
from services.interactions.contact.queries.profiles import profile_of
from services.interactions.helpdesk.queries.case_settings import check_terms
from services.interactions.helpdesk.queries.cases import open_case
from services.interactions.outreach import tables
from services.interactions.outreach.queries.automations import customer_facts
from services.interactions.outreach.queries.tasks import create_task
from services.interactions.outreach.rules import automations as rules
from services.interactions.outreach.rules.automations import AutomationAction, AutomationOutcome, Facts, StepDocument

feature = Feature("automations")
TITLE, SUBJECT, TEXT = 200, 998, 100_000
"""The lengths of the texts of records."""
TASK_SUBJECTS = ("case", "deal", "purchase", "promise")
CASE_SUBJECTS = ("purchase", "asset", "contract")


class CustomerChangeRequested(Event, type="interactions.customer_change_requested.v1", partition_key="customer_id"):
    """A step of an automation is to change the record of a customer. The customers service does so."""

    customer_id: UUID
    """The customer."""
    run_id: UUID
    """The run."""
    owner_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The agent in charge of the customer from now on, or null if this does not change."""
    add_tags: Annotated[list[str], Field(examples=[["vip"]])]
    """Tags to add."""
    remove_tags: Annotated[list[str], Field(examples=[["new"]])]
    """Tags to remove."""
    requested_at: datetime
    """When the step was performed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a step did."""

    action: AutomationAction
    outcome: AutomationOutcome
    record_id: UUID | None = None
    reason: str | None = None


@feature.periodic(every=timedelta(seconds=5))
async def perform_due_step(work: UnitOfWork) -> bool:
    """Perform the step that has been due for the longest time. Returns whether there was one."""
    run = next(iter(await work.fetch(_LOCK_DUE, now=work.now)), None)
    if run is None:
        return False
    work.act_as(f"{rules.ACTOR}{run.id}")
    automation = await work.get(tables.Automation, run.automation_id)
    if not automation.active:
        await work.update(run, state="stopped", reason="inactive", next_at=None, ended_at=work.now)
        return True
    version = await work.find(tables.AutomationVersion, automation_id=run.automation_id, number=run.automation_version)
    assert version is not None, "each version of an automation is recorded"
    await _perform(work, run, version.steps)
    return True


async def _perform(work: UnitOfWork, run: tables.AutomationRun, steps: list[StepDocument]) -> None:
    """Perform the next step of a locked run, and record what it did."""
    result = await _result(work, run, steps[run.next_step])
    number = run.next_step + 1
    await work.insert(
        tables.AutomationStep(
            run_id=run.id,
            number=number,
            action=result.action,
            outcome=result.outcome,
            reason=result.reason,
            record_id=result.record_id,
            performed_at=work.now,
        )
    )
    changes: dict[str, Any] = {"next_step": number}
    if result.outcome == "failed":
        changes |= {"state": "failed", "reason": result.reason, "next_at": None, "ended_at": work.now}
    elif number == len(steps):
        changes |= {"state": "done", "next_at": None, "ended_at": work.now}
    else:
        changes |= {"next_at": work.now + timedelta(minutes=steps[number]["after_minutes"])}
    await work.update(run, **changes)


async def _result(work: UnitOfWork, run: tables.AutomationRun, step: StepDocument) -> Result:
    profile = None if run.customer_id is None else await profile_of(work, run.customer_id)
    facts = {**run.facts, **customer_facts(profile)}
    action = _action_of(step)
    try:
        if step["task"] is not None:
            return await _create_task(work, run, step["task"], facts)
        if step["message"] is not None:
            return await _send_message(work, run, step["message"], facts)
        if step["case"] is not None:
            return await _open_case(work, run, step["case"], facts)
        assert step["customer"] is not None, "a step has an action"
        return await _change_customer(work, run, step["customer"])
    except Problem as problem:  # raised before anything is written, as for a category that was taken away
        return Result(action, "failed", reason=problem.code)


def _action_of(step: StepDocument) -> AutomationAction:
    actions: tuple[AutomationAction, ...] = ("task", "message", "case", "customer")
    return next(action for action in actions if step[action] is not None)


async def _create_task(work: UnitOfWork, run: tables.AutomationRun, action: rules.TaskDocument, facts: Facts) -> Result:
    in_charge = action["owner_id"] or (None if action["team"] else facts["customer.owner_id"])
    minutes = action["due_in_minutes"]
    due_at = None if minutes is None else work.now + timedelta(minutes=minutes)
    about_kind = run.about_kind if run.about_kind in TASK_SUBJECTS else "reference"
    task = await create_task(
        work,
        cause_kind="automation",
        cause_id=str(rules.step_id(run.id, run.next_step)),
        customer_id=run.customer_id,
        title=rules.fill_line(action["title"], facts, TITLE),
        description=None if action["description"] is None else rules.fill(action["description"], facts, TEXT),
        owner_id=in_charge,
        team=action["team"],
        priority=action["priority"],
        about_kind=about_kind,
        about_id=str(run.about_id),
        due_at=due_at,
    )
    return Result("task", "done", None if task is None else task.id)


async def _send_message(
    work: UnitOfWork, run: tables.AutomationRun, action: rules.MessageDocument, facts: Facts
) -> Result:
    if run.customer_id is None:
        return Result("message", "skipped", reason="no_customer")
    message = await request_message(
        work,
        customer_id=run.customer_id,
        channel=action["channel"],
        purpose=action["purpose"],
        subject=None if action["subject"] is None else rules.fill_line(action["subject"], facts, SUBJECT),
        body=rules.fill(action["body"], facts, TEXT),
        cause_kind="automation",
        cause_id=rules.step_id(run.id, run.next_step),
    )
    if message.state == "suppressed":
        return Result("message", "suppressed", message.id, message.reason)
    return Result("message", "done", message.id)


async def _open_case(work: UnitOfWork, run: tables.AutomationRun, action: rules.CaseDocument, facts: Facts) -> Result:
    await check_terms(work, {"category": action["category"]})
    about = {"about_kind": run.about_kind, "about_id": str(run.about_id)} if run.about_kind in CASE_SUBJECTS else {}
    case = await open_case(
        work,
        kind=action["kind"],
        subject=rules.fill_line(action["subject"], facts, TITLE),
        description=None if action["description"] is None else rules.fill(action["description"], facts, TEXT),
        category=action["category"],
        priority=action["priority"],
        team=action["team"],
        channel="automation",
        customer_id=run.customer_id,
        **about,
    )
    return Result("case", "done", case.id)


async def _change_customer(work: UnitOfWork, run: tables.AutomationRun, action: rules.CustomerDocument) -> Result:
    if run.customer_id is None:
        return Result("customer", "skipped", reason="no_customer")
    customer_id = await recorded_person(work, run)
    work.publish(CustomerChangeRequested(customer_id=customer_id, run_id=run.id, **action, requested_at=work.now))
    return Result("customer", "done")


# A row that another worker has locked is skipped: that worker performs its step.
_LOCK_DUE = Query(
    tables.AutomationRun,
    """
    select * from automation_run where state = 'running' and next_at <= :now
    order by next_at, id limit 1 for no key update skip locked
    """,
)
