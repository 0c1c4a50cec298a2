"""Request and response bodies of policies."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StrictBool, field_validator

from chassis import FieldCode, Fields, Line, MergePatch, RequestBody, Resource, ShortLine, invalid
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.business_time import MAX_TARGET_SECONDS
from services.interactions.helpdesk.rules.cases import ENDED, CaseKind, CasePriority, CaseState
from services.interactions.helpdesk.rules.clocks import ClockKind, ReopenedTime, TargetTime

REPEATED_TARGET = FieldCode(
    "repeated_target", "Two targets have the same kind and priority.", "Send one target for each kind and priority."
)
ENDED_STATE = FieldCode(
    "ended_state", "A clock has ended in this state, so it cannot pause.", "Send states in which the case is open."
)

Percent = Annotated[int, Field(strict=True, ge=1, le=99)]
Targets = Annotated[list["TargetCreate"], Field(min_length=1, max_length=15)]


class TargetFields(Fields):
    """How long an answer may take."""

    kind: ClockKind
    """The first public answer, the next one after a message of the customer, or the resolution."""
    seconds: Annotated[int, Field(strict=True, ge=60, le=MAX_TARGET_SECONDS)]
    """The seconds that it may take."""


class TargetCreate(TargetFields, MergePatch):
    """How long an answer may take."""

    never_null: ClassVar[frozenset[str]] = frozenset(("kind", "seconds", "time"))

    priority: CasePriority | None = None
    """The priority of the case. Without it, the target is that of every priority that has none of its own."""
    time: TargetTime = "business"
    """`business` counts the open time of the calendar, `elapsed` all time."""


class Target(TargetFields, Resource):
    """How long an answer may take."""

    priority: CasePriority | None
    """The priority of the case, or null for every priority that has no target of its own."""
    time: TargetTime
    """`business` counts the open time of the calendar, `elapsed` all time."""


class SlaPolicyFields(Fields):
    """The fields that are absent or null if nothing is said."""

    kinds: Annotated[list[CaseKind] | None, Field(max_length=3)] = None
    """The kinds of cases that it covers. Default: all."""
    categories: Annotated[list[ShortLine] | None, Field(max_length=100)] = None
    """The categories that it covers. Default: all."""
    priorities: Annotated[list[CasePriority] | None, Field(max_length=4)] = None
    """The priorities, when the case is opened, that it covers. Default: all."""
    channels: Annotated[list[ShortLine] | None, Field(max_length=100)] = None
    """The channels that it covers. Default: all."""
    calendar_id: UUID | None = None
    """The calendar of its targets in business time. They need one."""
    warn_percents: Annotated[list[Percent] | None, Field(max_length=5)] = None
    """The percentages of a target at which to warn. Default: none."""
    pause_on: Annotated[list[CaseState] | None, Field(max_length=12)] = None
    """The states in which clocks stop. Default: none. A message of the customer resumes them."""

    @field_validator("pause_on")
    @classmethod
    def _check_states(cls, states: list[CaseState] | None) -> list[CaseState] | None:
        if ended := sorted(ENDED & set(states or ())):
            raise invalid(ENDED_STATE, f"a case that is {ended[0]} has no clock to pause")
        return states

    @field_validator("targets", check_fields=False)
    @classmethod
    def _check_targets(cls, targets: "Sequence[TargetCreate] | None") -> "Sequence[TargetCreate] | None":
        counts = Counter((target.kind, target.priority) for target in targets or ())
        if any(count > 1 for count in counts.values()):
            raise invalid(REPEATED_TARGET, "each kind and priority may have a single target")
        return targets


class SlaPolicyCreate(SlaPolicyFields, RequestBody):
    """A policy to create."""

    example = {
        "name": "Complaints",
        "position": 10,
        "kinds": ["complaint"],
        "targets": [
            {"kind": "first_response", "seconds": 14400, "time": "elapsed"},
            {"kind": "resolution", "seconds": 432000, "time": "elapsed"},
            {"kind": "resolution", "priority": "urgent", "seconds": 86400, "time": "elapsed"},
        ],
        "warn_percents": [50, 80],
        "pause_on": ["waiting_for_customer"],
    }

    name: Line
    """The name of the policy."""
    position: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 1000
    """Of the policies that cover a case, the one with the lowest position holds, and of two the older."""
    active: StrictBool = True
    """Whether it is chosen for new cases."""
    targets: Targets
    """How long answers may take. A kind without a target has no clock."""
    reopened_time: ReopenedTime = "remaining"
    """The time for the resolution of a case that is reopened: what remained, or the full target."""


class SlaPolicyUpdate(SlaPolicyFields, MergePatch):
    """Fields to change: null clears a field, and lists are replaced as a whole."""

    example = {"warn_percents": [75]}
    never_null: ClassVar[frozenset[str]] = frozenset(("name", "position", "active", "targets", "reopened_time"))

    name: Line | None = None
    """The name of the policy."""
    position: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """Of the policies that cover a case, the one with the lowest position holds, and of two the older."""
    active: StrictBool | None = None
    """Whether it is chosen for new cases."""
    targets: Targets | None = None
    """How long answers may take. A kind without a target has no clock."""
    reopened_time: ReopenedTime | None = None
    """The time for the resolution of a case that is reopened: what remained, or the full target."""


class SlaPolicy(Resource, row=tables.SlaPolicy, etag="version"):
    """How soon the cases that meet its conditions are answered and resolved."""

    id: UUID
    """Identifies the policy."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the policy."""
    position: int
    """Of the policies that cover a case, the one with the lowest position holds, and of two the older."""
    active: bool
    """Whether it is chosen for new cases."""
    kinds: list[CaseKind]
    """The kinds of cases that it covers. Empty for all."""
    categories: list[str]
    """The categories that it covers. Empty for all."""
    priorities: list[CasePriority]
    """The priorities that it covers. Empty for all."""
    channels: list[str]
    """The channels that it covers. Empty for all."""
    calendar_id: UUID | None
    """The calendar of its targets in business time, or null."""
    targets: list[Target]
    """How long answers may take."""
    warn_percents: list[int]
    """The percentages of a target at which to warn."""
    pause_on: list[CaseState]
    """The states in which clocks stop."""
    reopened_time: ReopenedTime
    """The time for the resolution of a case that is reopened: what remained, or the full target."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""
