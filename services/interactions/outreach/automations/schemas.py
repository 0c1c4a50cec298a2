"""Request and response bodies of automations."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, StrictBool, model_validator

from chassis import (
    DecimalText,
    Fields,
    Line,
    MergePatch,
    RequestBody,
    Resource,
    ShortLine,
    invalid,
)
from services.interactions.outreach import tables
from services.interactions.outreach.automations.step_schemas import AutomationStep, AutomationStepCreate
from services.interactions.outreach.rules.automations import (
    NO_CONDITION,
    AutomationTrigger,
)

Bound = Annotated[DecimalText, Field(max_length=40)]
Values = Annotated[list[Line], Field(min_length=1, max_length=100)]
Triggers = Annotated[list[AutomationTrigger], Field(max_length=22)]
Conditions = Annotated[list["AutomationConditionCreate"], Field(max_length=20)]
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
