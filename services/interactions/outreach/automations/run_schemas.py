"""Request and response bodies of runs and dry runs."""

from datetime import datetime
from uuid import UUID

from chassis import (
    Instant,
    Line,
    RequestBody,
    Resource,
)
from services.interactions.outreach import tables
from services.interactions.outreach.rules.automations import (
    AutomationAction,
    AutomationOutcome,
    AutomationRunState,
    AutomationSubject,
    DryRunState,
)


class AutomationRun(Resource, row=tables.AutomationRun, computed=("chain",)):
    """A run of an automation, and its cause."""

    id: UUID
    """Identifies the run."""
    automation_id: UUID
    """The automation."""
    automation_version: int
    """The version of the automation whose steps it performs."""
    customer_id: UUID | None
    """The customer, or null if the record of the event has none."""
    event_id: UUID | None
    """The event that started it, or null if a request did."""
    started_by: str
    """The principal of that event or request."""
    about_kind: AutomationSubject
    """The kind of record of the event."""
    about_id: UUID
    """The id of that record."""
    chain: list[UUID]
    """The automations that led to the event, the first one first, and then this one."""
    state: AutomationRunState
    """A run is running until its last step is `done`, unless it was `stopped`, has `failed`, or was `cut_off`, because
    it would have been a loop."""
    reason: str | None
    """Why it was stopped, has failed or was cut off, or null."""
    next_at: datetime | None
    """When its next step is due, or null."""
    started_at: datetime
    """When the event started it."""
    ended_at: datetime | None
    """When it ended, or null."""


class AutomationRunStep(Resource, row=tables.AutomationStep):
    """What a step of a run did."""

    number: int
    """The number of the step, from 1."""
    action: AutomationAction
    """What it was to do."""
    outcome: AutomationOutcome
    """`done`, `suppressed` for a message that was not permitted, `skipped` for lack of a customer, or `failed`."""
    reason: str | None
    """Why it was suppressed, skipped or failed, or null."""
    record_id: UUID | None
    """The task, message or case, or null."""
    performed_at: datetime
    """When it was performed."""


class AutomationRunCreate(RequestBody):
    """The customer for whom a run is started."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}

    customer_id: UUID
    """The customer."""


class AutomationDryRunCreate(RequestBody):
    """The time whose events are tried."""

    example = {"since": "2026-01-01T00:00:00Z"}

    since: Instant
    """Events from this time on."""
    until: Instant | None = None
    """Events before this time. Default: now."""


class AutomationMatch(Resource):
    """A record whose event would have started a run."""

    about_kind: AutomationSubject
    """The kind of record."""
    about_id: UUID
    """Its id."""
    occurred_at: datetime
    """When the event happened."""


class AutomationDryRun(Resource, row=tables.AutomationDryRun):
    """A trial of an automation on past events. Nothing is done, and `pause_days` is not considered."""

    id: UUID
    """Identifies the dry run."""
    automation_id: UUID
    """The automation."""
    automation_version: int
    """The version that is tried."""
    since: datetime
    """Events from this time on."""
    until: datetime
    """Events before this time."""
    state: DryRunState
    """`queued` until all events were looked at. The figures grow until then."""
    events: int
    """The number of events of the trigger."""
    matches: int
    """How many of them meet the conditions, with the facts that the customers have now."""
    examples: list[AutomationMatch]
    """The first hundred of these."""
    requested_at: datetime
    """When it was requested."""
    finished_at: datetime | None
    """When all events had been looked at, or null."""


class AutomationRunStopRequest(RequestBody):
    """Why a run is stopped."""

    example = {"reason": "The customer has called."}

    reason: Line
    """The reason."""
