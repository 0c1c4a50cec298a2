"""Dry runs: an automation is tried on past events of this service, and nothing is done."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import NOT_AFTER, Feature, PastEvent, Problem, Query, UnitOfWork, ValidationFailed, Work, past_events
from services.interactions.outreach import tables
from services.interactions.outreach.automations.events import TRIGGER_EVENTS, TriggerEvent
from services.interactions.outreach.automations.run_schemas import AutomationDryRun, AutomationDryRunCreate
from services.interactions.outreach.queries.automations import with_customer_facts
from services.interactions.outreach.rules import automations as rules

feature = Feature("automations")
OWN = "interactions."
EXAMPLES = 100
SCANNED = 10_000
"""The number of events that a transaction looks at."""


class AutomationEventsElsewhere(Problem, status=409):
    """Another service publishes and keeps the events of this trigger.

    `event_type` is the event. Try an automation on events of purchases, cases, promises, surveys or tasks.
    """


@feature.post(
    "/automations/{id:uuid}/dry-runs",
    scope="interactions:configure",
    status_code=201,
    raises=[AutomationEventsElsewhere],
)
async def start_automation_dry_run(work: Work, id: UUID, body: AutomationDryRunCreate) -> AutomationDryRun:
    """Try the present version of an automation on past events. Read the result when its state is `done`."""
    automation = await work.get(tables.Automation, id)
    event_type = rules.TRIGGERS[automation.trigger].event_type
    if not event_type.startswith(OWN):
        raise AutomationEventsElsewhere(event_type=event_type)
    until = work.now if body.until is None else min(body.until, work.now)
    if until <= body.since:
        raise ValidationFailed.field("/until", NOT_AFTER, "the end must be after the start, which is in the past")
    dry_run = tables.AutomationDryRun(
        automation_id=id,
        automation_version=automation.version,
        since=body.since,
        until=until,
        requested_at=work.now,
    )
    return AutomationDryRun.from_row(await work.insert(dry_run))


@feature.get("/automation-dry-runs/{id:uuid}", scope="interactions:read")
async def read_automation_dry_run(work: Work, id: UUID) -> AutomationDryRun:
    """Return a dry run with its figures."""
    return AutomationDryRun.from_row(await work.get(tables.AutomationDryRun, id))


@feature.periodic(every=timedelta(seconds=5))
async def look_at_past_events(work: UnitOfWork) -> bool:
    """Look at the next events of the oldest dry run. Returns whether there was one."""
    dry_run = next(iter(await work.fetch(_LOCK_QUEUED)), None)
    if dry_run is None:
        return False
    version = await work.find(
        tables.AutomationVersion, automation_id=dry_run.automation_id, number=dry_run.automation_version
    )
    assert version is not None, "each version of an automation is recorded"
    event_type = rules.TRIGGERS[version.trigger].event_type
    found, cursor = await past_events(
        work, event_type, dry_run.since, dry_run.until, after=dry_run.cursor, scanned=SCANNED
    )
    if cursor is None:
        await work.update(dry_run, state="done", finished_at=work.now)
        return True
    events = [_read(version.trigger, event) for event in found]
    matches = await _matches(work, version, events)
    figures: dict[str, Any] = {
        "cursor": cursor,
        "events": dry_run.events + len(events),
        "matches": dry_run.matches + len(matches),
        "examples": [*dry_run.examples, *map(_example, matches)][:EXAMPLES],
    }
    await work.update(dry_run, **figures)
    return True


def _read(trigger: rules.AutomationTrigger, event: PastEvent) -> TriggerEvent:
    reader = next(each for each in TRIGGER_EVENTS if each.trigger == trigger)
    return reader.from_record(event.envelope, event.value)


async def _matches(
    work: UnitOfWork, version: tables.AutomationVersion, events: list[TriggerEvent]
) -> list[TriggerEvent]:
    facts = await with_customer_facts(work, [(event.customer_id, event.facts()) for event in events])
    return [event for event, each in zip(events, facts, strict=True) if rules.applies(version.conditions, each)]


def _example(event: TriggerEvent) -> rules.MatchDocument:
    return {
        "about_kind": event.kind_of_trigger.about,
        "about_id": str(event.about_id),
        "occurred_at": event.occurred_at.isoformat(),
    }


_LOCK_QUEUED = Query(
    tables.AutomationDryRun,
    """
    select * from automation_dry_run where state = 'queued'
    order by requested_at, id limit 1 for no key update skip locked
    """,
)
