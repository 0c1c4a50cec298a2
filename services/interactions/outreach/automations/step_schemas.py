"""The steps of automations, in requests and responses."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from chassis import (
    Fields,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    Resource,
    ShortLine,
    Subject,
    invalid,
)
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority
from services.interactions.outreach.rules.automations import (
    NO_CHANGE,
    ONE_ACTION,
)
from services.interactions.outreach.rules.tasks import TaskPriority

Minutes = Annotated[int, Field(strict=True, ge=0, le=525_600)]
Tags = Annotated[list[ShortLine], Field(max_length=20)]


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
