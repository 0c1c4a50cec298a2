"""An event starts a run of each automation whose conditions it meets, once, and stops the runs that it ends."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import Command, Feature, Query, UnitOfWork, uuid7
from services.interactions.outreach import tables
from services.interactions.outreach.automations.events import TRIGGER_EVENTS, TriggerEvent
from services.interactions.outreach.queries.automations import first_due, with_customer_facts
from services.interactions.outreach.rules import automations as rules

feature = Feature("automations")


def reaction_to(trigger: rules.AutomationTrigger) -> Callable[[UnitOfWork, Sequence[TriggerEvent]], Awaitable[None]]:
    """Return the function that handles the events of a trigger."""

    async def react(work: UnitOfWork, events: Sequence[TriggerEvent]) -> None:
        await _react(work, trigger, [event for event in events if event.counts])

    return react


async def _react(work: UnitOfWork, trigger: rules.AutomationTrigger, events: Sequence[TriggerEvent]) -> None:
    """Stop the runs that these events end, and start those that they cause."""
    # Without automations, as most tenants are, a batch of events costs this one read.
    concerned = await work.select(_CONCERNED, trigger=trigger) if events else []
    if not concerned:
        return
    await _stop_runs(work, trigger, events)
    recent = [event for event in events if rules.is_recent(event.occurred_at, work.now)]
    await _start_runs(work, [each for each in concerned if each.trigger == trigger], recent)


async def _stop_runs(work: UnitOfWork, trigger: rules.AutomationTrigger, events: Sequence[TriggerEvent]) -> None:
    """Stop the runs of the customers of these events that had begun before them."""
    of_customers = [event for event in events if event.customer_id is not None]
    customers = [event.customer_id for event in of_customers]
    times = [event.occurred_at for event in of_customers]
    await work.execute(_STOP, customers=customers, times=times, trigger=trigger, now=work.now)


async def _start_runs(
    work: UnitOfWork, automations: Sequence[tables.Automation], events: Sequence[TriggerEvent]
) -> None:
    facts = await with_customer_facts(work, [(event.customer_id, event.facts()) for event in events])
    chains = {event.envelope.id: await _chain(work, event) for event in events}
    rows: list[dict[str, Any]] = []
    for automation in automations:
        fitting = [
            event for event, each in zip(events, facts, strict=True) if rules.applies(automation.conditions, each)
        ]
        loops = [event for event in fitting if rules.is_cut_off(automation.id, chains[event.envelope.id])]
        starting = await _unpaused(work, automation, [event for event in fitting if event not in loops])
        ended = {"state": "cut_off", "reason": "loop", "next_at": None, "ended_at": work.now}
        rows += [_run(work, automation, event, chains[event.envelope.id], **ended) for event in loops]
        due = {"state": "running", "reason": None, "next_at": first_due(work, automation), "ended_at": None}
        rows += [_run(work, automation, event, chains[event.envelope.id], **due) for event in starting]
    # Two concurrent batches with the same events would deadlock if they inserted them in different orders.
    rows.sort(key=lambda row: (row["automation_id"], row["event_id"]))
    await work.insert_many_or_ignore(tables.AutomationRun, rows)


async def _chain(work: UnitOfWork, event: TriggerEvent) -> list[str]:
    """Return the automations that led to an event. Empty if a person or another system did."""
    cause = rules.run_of_actor(event.envelope.actor)
    run = None if cause is None else await work.find(tables.AutomationRun, id=cause)
    return [] if run is None else run.chain


async def _unpaused(
    work: UnitOfWork, automation: tables.Automation, events: Sequence[TriggerEvent]
) -> Sequence[TriggerEvent]:
    """Return the events, without those of customers for whom a run has started too recently."""
    if automation.pause_days is None:
        return events
    first = {event.customer_id: event for event in reversed(events) if event.customer_id is not None}
    # Two batches at once would both find no run.
    await work.execute(_LOCK_CUSTOMERS, automation_id=automation.id, customers=list(first))
    since = work.now - timedelta(days=automation.pause_days)
    paused = await work.select(_PAUSED, automation_id=automation.id, customers=list(first), since=since)
    without_customer = [event for event in events if event.customer_id is None]
    return [*without_customer, *(event for customer, event in first.items() if customer not in paused)]


def _run(
    work: UnitOfWork, automation: tables.Automation, event: TriggerEvent, chain: Sequence[str], **state: Any
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "automation_id": automation.id,
        "automation_version": automation.version,
        "customer_id": event.customer_id,
        "event_id": event.envelope.id,
        "started_by": event.envelope.actor,
        "about_kind": event.kind_of_trigger.about,
        "about_id": event.about_id,
        "facts": dict(event.facts()),
        "chain": [*chain, str(automation.id)],
        "next_step": 0,
        "started_at": work.now,
        **state,
    }


for _event in TRIGGER_EVENTS:
    feature.on_batch(_event)(reaction_to(_event.trigger))

_CONCERNED = Query(
    tables.Automation,
    "select * from automation where active and (trigger = :trigger or :trigger = any(stops_on)) order by id",
)
# The rows are locked in order, so that two batches about the same customer do not deadlock.
_STOP = Command(
    """
    with ended as (
        select run.id from automation_run as run
        join unnest(:customers::uuid[], :times::timestamptz[]) as event (customer_id, occurred_at)
            on event.customer_id = run.customer_id and event.occurred_at >= run.started_at
        join automation on automation.id = run.automation_id
        where run.state = 'running' and :trigger = any(automation.stops_on)
        order by run.id for no key update of run
    )
    update automation_run set state = 'stopped', reason = :trigger, next_at = null, ended_at = :now
    from ended where automation_run.id = ended.id
    """
)
_LOCK_CUSTOMERS = Command(
    """
    select pg_advisory_xact_lock(key) from (
        select hashtextextended('automation ' || :automation_id::uuid || customer, 0) as key
        from unnest(:customers::uuid[]) as customer order by key
    ) as locks
    """
)
_PAUSED = Query(
    UUID,
    """
    select distinct customer_id from automation_run
    where automation_id = :automation_id and customer_id = any(:customers) and started_at > :since
        and state <> 'cut_off'
    """,
)
