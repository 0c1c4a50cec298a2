"""Automations, their versions, their runs, and what each step of a run did."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, index, text_list, timestamp, unique
from services.interactions.base import Base
from services.interactions.outreach.rules.automations import (
    AutomationAction,
    AutomationOutcome,
    AutomationRunState,
    AutomationTrigger,
    ConditionDocument,
    DryRunState,
    MatchDocument,
    StepDocument,
)


class Automation(Versioned, Base, table=True):
    """What follows an event that meets conditions."""

    __tablename__ = "automation"
    __table_args__ = (
        unique("name"),
        index("trigger", "id", postgresql_where=text("active")),
        index("created_at", "id"),
    )
    audited: ClassVar[bool] = True

    name: str
    active: bool = True
    trigger: AutomationTrigger = choice(AutomationTrigger, "trigger")
    conditions: list[ConditionDocument] = document(default_factory=list)
    steps: list[StepDocument] = document()
    stops_on: list[AutomationTrigger] = text_list()
    pause_days: int | None = None
    """After a run, none starts for the same customer for so many days. None: every event starts one."""


class AutomationVersion(Base, table=True):
    """The steps of a version of an automation. Append-only: a run goes on with the version that started it."""

    __tablename__ = "automation_version"
    __table_args__ = (unique("automation_id", "number"), check("number", "number > 0"))

    automation_id: UUID
    number: int = bigint()
    trigger: AutomationTrigger = choice(AutomationTrigger, "trigger")
    conditions: list[ConditionDocument] = document()
    steps: list[StepDocument] = document()
    stops_on: list[AutomationTrigger] = text_list()
    pause_days: int | None = None
    recorded_at: datetime = timestamp()


class AutomationRun(Base, table=True):
    """A run of an automation: an event starts it once, or a request."""

    __tablename__ = "automation_run"
    __table_args__ = (
        belongs_to("automation_id", "automation"),
        unique("automation_id", "event_id"),
        check("running", "(state = 'running') = (next_at is not null)"),
        check("ended", "(state = 'running') = (ended_at is null)"),
        check("number", "automation_version > 0 and next_step >= 0"),
        index("customer_id", "started_at", "id", postgresql_where=text("customer_id is not null")),
        index("automation_id", "started_at", "id"),
        index("started_at", "id"),
        index("state", "started_at", "id"),
        index("next_at", "id", postgresql_where=text("state = 'running'")),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(),)

    automation_id: UUID
    automation_version: int = bigint()
    customer_id: UUID | None = None
    event_id: UUID | None = None
    """The event that started it. None if a request did."""
    started_by: str
    about_kind: str
    about_id: UUID
    """The record of the event."""
    facts: dict[str, str | None] = document()
    """The facts of the event, for the texts of the steps."""
    chain: list[str] = text_list()
    """The ids of the automations that led to the event, and of this one."""
    state: AutomationRunState = choice(AutomationRunState, "state")
    reason: str | None = None
    """Why it was stopped, failed or cut off."""
    next_step: int = 0
    """The index of the step that comes next."""
    next_at: datetime | None = timestamp(nullable=True, default=None)
    started_at: datetime = timestamp()
    ended_at: datetime | None = timestamp(nullable=True, default=None)


class AutomationStep(Base, table=True):
    """What a step of a run did. Append-only."""

    __tablename__ = "automation_step"
    __table_args__ = (
        belongs_to("run_id", "automation_run", cascade=True),
        unique("run_id", "number"),
        check("number", "number > 0"),
    )

    run_id: UUID
    number: int
    action: AutomationAction = choice(AutomationAction, "action")
    outcome: AutomationOutcome = choice(AutomationOutcome, "outcome")
    reason: str | None = None
    record_id: UUID | None = None
    """The task, message or case."""
    performed_at: datetime = timestamp()


class AutomationDryRun(Base, table=True):
    """A trial of an automation on past events, which does nothing but count."""

    __tablename__ = "automation_dry_run"
    __table_args__ = (
        belongs_to("automation_id", "automation"),
        check("finished", "(state = 'done') = (finished_at is not null)"),
        check("figures", "events >= matches and matches >= 0"),
        index("automation_id", "requested_at", "id"),
        index("requested_at", "id", postgresql_where=text("state = 'queued'")),
    )

    automation_id: UUID
    automation_version: int = bigint()
    since: datetime = timestamp()
    until: datetime = timestamp()
    state: DryRunState = choice(DryRunState, "state", default="queued")
    cursor: UUID | None = None
    """The last event that was looked at."""
    events: int = bigint(default=0)
    matches: int = bigint(default=0)
    examples: list[MatchDocument] = document(default_factory=list)
    requested_at: datetime = timestamp()
    finished_at: datetime | None = timestamp(nullable=True, default=None)
