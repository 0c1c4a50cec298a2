"""Request and response bodies of automations."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, StrictBool, model_validator

from chassis import (
    DecimalText,
    Fields,
    Instant,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    Subject,
    invalid,
)
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority
from services.interactions.outreach import tables
from services.interactions.outreach.rules.automations import (
    NO_CHANGE,
    NO_CONDITION,
    ONE_ACTION,
    AutomationAction,
    AutomationOutcome,
    AutomationRunState,
    AutomationSubject,
    AutomationTrigger,
    DryRunState,
)
from services.interactions.outreach.rules.tasks import TaskPriority

Minutes = Annotated[int, Field(strict=True, ge=0, le=525_600)]
Bound = Annotated[DecimalText, Field(max_length=40)]
Values = Annotated[list[Line], Field(min_length=1, max_length=100)]
Triggers = Annotated[list[AutomationTrigger], Field(max_length=22)]
Conditions = Annotated[list["AutomationConditionCreate"], Field(max_length=20)]
Tags = Annotated[list[ShortLine], Field(max_length=20)]
Steps = Annotated[list["AutomationStepCreate"], Field(min_length=1, max_length=20)]
PauseDays = Annotated[int, Field(strict=True, ge=1, le=3650)]


class AutomationConditionFields(Fields):
    """A condition on a fact of the event, or of the customer."""

    fact: ShortLine
    """The name of the fact, such as `store` or `customer.language`. The guide has those of each trigger."""
    one_of: Values | None = None
    """It holds if the fact has one of these values."""
    none_of: Values | None = None
    """It holds if the fact has none of these values."""
    at_least: Bound | None = None
    """It holds if the fact is this number or a larger one. Amounts are in the currency of the event."""
    at_most: Bound | None = None
    """It holds if the fact is this number or a smaller one."""


class AutomationConditionCreate(AutomationConditionFields, MergePatch):
    """A condition on a fact of the event, or of the customer. It holds if all its comparisons do."""

    never_null: ClassVar[frozenset[str]] = frozenset(("fact",))

    @model_validator(mode="after")
    def _require_comparison(self) -> Self:
        if self.one_of is None and self.none_of is None and self.at_least is None and self.at_most is None:
            raise invalid(NO_CONDITION, "one_of, none_of, at_least or at_most is missing")
        return self


class AutomationCondition(AutomationConditionFields, Resource):
    """A condition on a fact of the event, or of the customer."""


class TaskStepFields(Fields):
    """A task to create for the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    title: Line
    """The task in a line."""
    description: MultilineText | None = None
    """Details of the task."""
    owner_id: Reference | None = None
    """The agent in charge. Default: the agent in charge of the customer, if there is no team either."""
    team: ShortLine | None = None
    """The team in charge."""
    priority: TaskPriority = "normal"
    """Its priority."""
    due_in_minutes: Minutes | None = None
    """When it is due, in minutes from its creation. Default: no due time."""


class TaskStepCreate(TaskStepFields, MergePatch):
    """A task to create for the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    never_null: ClassVar[frozenset[str]] = frozenset(("title", "priority"))


class TaskStep(TaskStepFields, Resource):
    """A task to create."""


class MessageStepFields(Fields):
    """A message to the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    channel: ShortLine
    """The channel, such as `email` or `sms`."""
    purpose: ShortLine | None = None
    """The purpose, which needs permission when the message is sent. Null for a service message."""
    subject: Subject | None = None
    """The subject."""
    body: MultilineText
    """The text."""


class MessageStepCreate(MessageStepFields, MergePatch):
    """A message to the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    never_null: ClassVar[frozenset[str]] = frozenset(("channel", "body"))


class MessageStep(MessageStepFields, Resource):
    """A message to the customer."""


class CaseStepFields(Fields):
    """A case to open for the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    kind: CaseKind = "request"
    """The kind of case."""
    subject: Line
    """The subject."""
    description: MultilineText | None = None
    """What it is about."""
    category: ShortLine | None = None
    """The category: one of the case settings."""
    priority: CasePriority = "normal"
    """Its priority."""
    team: ShortLine | None = None
    """The team in charge."""


class CaseStepCreate(CaseStepFields, MergePatch):
    """A case to open for the customer. Its texts may name facts, as in `{{ customer.name }}`."""

    never_null: ClassVar[frozenset[str]] = frozenset(("kind", "subject", "priority"))


class CaseStep(CaseStepFields, Resource):
    """A case to open."""


class CustomerStepFields(Fields):
    """A change of the customer's record. The customers service makes it, unless the customer is archived."""

    owner_id: Reference | None = None
    """The agent in charge of the customer. It does not change without one, or if the customer has no name."""


class CustomerStepCreate(CustomerStepFields, MergePatch):
    """A change of the customer's record. The customers service makes it, unless the customer is archived."""

    never_null: ClassVar[frozenset[str]] = frozenset(("add_tags", "remove_tags"))

    add_tags: Tags = Field(default_factory=list)
    """Tags to add."""
    remove_tags: Tags = Field(default_factory=list)
    """Tags to remove."""

    @model_validator(mode="after")
    def _require_change(self) -> Self:
        if self.owner_id is None and not self.add_tags and not self.remove_tags:
            raise invalid(NO_CHANGE, "owner_id, add_tags or remove_tags is missing")
        return self


class CustomerStep(CustomerStepFields, Resource):
    """A change of the customer's record."""

    add_tags: list[str]
    """Tags to add."""
    remove_tags: list[str]
    """Tags to remove."""


class AutomationStepCreate(MergePatch):
    """A step: it waits, and then does one thing."""

    never_null: ClassVar[frozenset[str]] = frozenset(("after_minutes",))

    after_minutes: Minutes = 0
    """The minutes to wait after the step before, or after the event."""
    task: TaskStepCreate | None = None
    """A task to create."""
    message: MessageStepCreate | None = None
    """A message to request."""
    case: CaseStepCreate | None = None
    """A case to open."""
    customer: CustomerStepCreate | None = None
    """A change of the customer's record."""

    @model_validator(mode="after")
    def _require_one_action(self) -> Self:
        actions = (self.task, self.message, self.case, self.customer)
        if sum(action is not None for action in actions) != 1:
            raise invalid(ONE_ACTION, "exactly one of task, message, case and customer is expected")
        return self


class AutomationStep(Resource):
    """A step: it waits, and then does one thing."""

    after_minutes: int
    """The minutes to wait after the step before, or after the event."""
    task: TaskStep | None
    """A task to create, or null."""
    message: MessageStep | None
    """A message to request, or null."""
    case: CaseStep | None
    """A case to open, or null."""
    customer: CustomerStep | None
    """A change of the customer's record, or null."""


class AutomationCreate(RequestBody):
    """An automation to create."""

    example = {
        "name": "Call after a large purchase",
        "trigger": "purchase_recorded",
        "conditions": [{"fact": "amount", "at_least": "500"}, {"fact": "currency", "one_of": ["EUR"]}],
        "steps": [
            {
                "after_minutes": 10080,
                "task": {"title": "Ask {{ customer.name }} how it is going", "team": "sales", "due_in_minutes": 1440},
            }
        ],
        "stops_on": ["purchase_refunded"],
        "pause_days": 90,
    }

    name: Line
    """The name of the automation."""
    active: StrictBool = True
    """Whether events start runs of it."""
    trigger: AutomationTrigger
    """The event that starts a run."""
    conditions: Conditions = Field(default_factory=list)
    """Conditions that the event has to meet, all of them."""
    steps: Steps
    """The steps, in their order."""
    stops_on: Triggers = Field(default_factory=list)
    """Events of the same customer that stop a run."""
    pause_days: PauseDays | None = None
    """After a run, none starts for the same customer for so many days. Default: every event starts one."""


class AutomationUpdate(MergePatch):
    """Fields to change: null clears a field, and lists are replaced as a whole. The trigger does not change."""

    example = {"active": False}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "active", "conditions", "steps", "stops_on"))

    name: Line | None = None
    """The name of the automation."""
    active: StrictBool | None = None
    """Whether events start runs of it. The runs of an inactive one stop at their next step."""
    conditions: Conditions | None = None
    """Conditions that the event has to meet, all of them."""
    steps: Steps | None = None
    """The steps, in their order. Runs that have begun go on with the steps with which they began."""
    stops_on: Triggers | None = None
    """Events of the same customer that stop a run."""
    pause_days: PauseDays | None = None
    """After a run, none starts for the same customer for so many days."""


class AutomationContent(Fields):
    """What an automation and each of its versions have."""

    trigger: AutomationTrigger
    """The event that starts a run."""
    conditions: list[AutomationCondition]
    """Conditions that the event has to meet, all of them."""
    steps: list[AutomationStep]
    """The steps, in their order."""
    stops_on: list[AutomationTrigger]
    """Events of the same customer that stop a run."""
    pause_days: int | None
    """After a run, none starts for the same customer for so many days. Null: every event starts one."""


class Automation(AutomationContent, Resource, row=tables.Automation, etag="version"):
    """What follows an event that meets conditions."""

    id: UUID
    """Identifies the automation."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the automation."""
    active: bool
    """Whether events start runs of it."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


class AutomationVersion(AutomationContent, Resource, row=tables.AutomationVersion):
    """A version of an automation."""

    number: int
    """The number of the version."""
    recorded_at: datetime
    """Since when it has been in use."""


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
