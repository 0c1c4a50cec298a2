"""Request and response bodies of queues."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StrictBool, field_validator

from chassis import FieldCode, Fields, Line, MergePatch, RequestBody, Resource, ShortLine, invalid
from services.interactions.helpdesk.rules.cases import CaseKind, CasePriority
from services.interactions.routing import tables
from services.interactions.routing.rules.agents import MAX_LEVEL
from services.interactions.routing.rules.languages import Language
from services.interactions.routing.rules.queues import MAX_MINUTES

REPEATED_REQUIREMENT = FieldCode(
    "repeated_requirement", "Two requirements are about the same skill.", "Send each skill once."
)
RELAXATIONS_DISORDERED = FieldCode(
    "relaxations_disordered",
    "The relaxations are not in order.",
    "Send them by `after_minutes`, each later and with a larger reduction than the one before.",
)

Level = Annotated[int, Field(strict=True, ge=1, le=MAX_LEVEL)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=MAX_MINUTES)]
Position = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
WrapUpSeconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]


class RequiredSkillFields(Fields):
    """A skill that agents need."""

    skill: ShortLine
    """The skill, as agents have it."""
    level: Level
    """The lowest level that is enough, from 1 to 5."""


class RequiredSkillCreate(RequiredSkillFields, RequestBody):
    """A skill that agents need."""


class RequiredSkill(RequiredSkillFields, Resource):
    """A skill that agents need."""


class RelaxationFields(Fields):
    """A reduction of the required levels after a while."""

    after_minutes: Minutes
    """After how many minutes in the queue."""
    reduction: Level
    """By how much each required level is lower from then on. A skill whose level reaches 0 is not required any more."""


class RelaxationCreate(RelaxationFields, RequestBody):
    """A reduction of the required levels after a while."""


class Relaxation(RelaxationFields, Resource):
    """A reduction of the required levels after a while."""


class QueueValues(Fields):
    """The fields that are absent or null if nothing is said."""

    kinds: Annotated[list[CaseKind] | None, Field(max_length=3)] = None
    """The kinds of cases that enter it. Default: all."""
    categories: Annotated[list[ShortLine] | None, Field(max_length=100)] = None
    """The categories that enter it. Default: all."""
    priorities: Annotated[list[CasePriority] | None, Field(max_length=4)] = None
    """The priorities that enter it. Default: all."""
    channels: Annotated[list[ShortLine] | None, Field(max_length=100)] = None
    """The channels that enter it. Default: all."""
    languages: Annotated[list[Language] | None, Field(max_length=50)] = None
    """The languages of customers whose cases enter it, as tags of BCP 47. Default: all, and customers without one."""
    required_skills: Annotated[list[RequiredSkillCreate] | None, Field(max_length=20)] = None
    """The skills that agents need. Default: none."""
    relaxations: Annotated[list[RelaxationCreate] | None, Field(max_length=10)] = None
    """Reductions of the required levels for cases that have waited. Default: none."""
    overflow_queue_id: UUID | None = None
    """The queue that takes over cases that have waited too long. It goes with `overflow_after_minutes`."""
    overflow_after_minutes: Minutes | None = None
    """After how many minutes in this queue they go there."""

    @field_validator("required_skills")
    @classmethod
    def _reject_repeated(cls, required: Sequence[RequiredSkillCreate] | None) -> Sequence[RequiredSkillCreate] | None:
        counts = Counter(each.skill for each in required or ())
        if repeated := [name for name, count in counts.items() if count > 1]:
            raise invalid(REPEATED_REQUIREMENT, f"{repeated[0]} is stated twice")
        return required

    @field_validator("relaxations")
    @classmethod
    def _require_order(cls, relaxations: Sequence[RelaxationCreate] | None) -> Sequence[RelaxationCreate] | None:
        stated = list(relaxations or ())
        for before, after in pairwise(stated):
            if after.after_minutes <= before.after_minutes or after.reduction <= before.reduction:
                raise invalid(RELAXATIONS_DISORDERED, "each is later and larger than the one before")
        return relaxations


class QueueCreate(QueueValues, RequestBody):
    """A queue to create."""

    example = {
        "name": "Repairs by e-mail",
        "position": 10,
        "categories": ["maintenance"],
        "channels": ["email"],
        "required_skills": [{"skill": "boilers", "level": 3}],
        "relaxations": [{"after_minutes": 30, "reduction": 1}, {"after_minutes": 120, "reduction": 2}],
        "requires_language": True,
        "wrap_up_seconds": 120,
    }

    name: Line
    """The name of the queue."""
    position: Position = 1000
    """Of the queues whose conditions a case meets, it enters the one with the lowest position, and of two the older."""
    active: StrictBool = True
    """Whether new cases enter it."""
    requires_language: StrictBool = False
    """Whether an agent must speak the first language of the customer, if the customer has one."""
    wrap_up_seconds: WrapUpSeconds = 0
    """For how many seconds an assignment still takes capacity after its case was resolved."""


class QueueUpdate(QueueValues, MergePatch):
    """Fields to change: null clears a field, and lists are replaced as a whole. Cases that wait stay in the queue."""

    example = {"wrap_up_seconds": 60}
    never_null: ClassVar[frozenset[str]] = frozenset(
        ("name", "position", "active", "requires_language", "wrap_up_seconds")
    )

    name: Line | None = None
    """The name of the queue."""
    position: Position | None = None
    """Of the queues whose conditions a case meets, it enters the one with the lowest position, and of two the older."""
    active: StrictBool | None = None
    """Whether new cases enter it."""
    requires_language: StrictBool | None = None
    """Whether an agent must speak the first language of the customer, if the customer has one."""
    wrap_up_seconds: WrapUpSeconds | None = None
    """For how many seconds an assignment still takes capacity after its case was resolved."""


class Queue(Resource, row=tables.Queue, etag="version"):
    """A queue of the cases that meet its conditions."""

    id: UUID
    """Identifies the queue."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The name of the queue."""
    position: int
    """Of the queues whose conditions a case meets, it enters the one with the lowest position, and of two the older."""
    active: bool
    """Whether new cases enter it."""
    kinds: list[CaseKind]
    """The kinds of cases that enter it. Empty for all."""
    categories: list[str]
    """The categories that enter it. Empty for all."""
    priorities: list[CasePriority]
    """The priorities that enter it. Empty for all."""
    channels: list[str]
    """The channels that enter it. Empty for all."""
    languages: list[str]
    """The languages of customers whose cases enter it. Empty for all."""
    required_skills: list[RequiredSkill]
    """The skills that agents need."""
    relaxations: list[Relaxation]
    """Reductions of the required levels for cases that have waited."""
    requires_language: bool
    """Whether an agent must speak the first language of the customer, if the customer has one."""
    overflow_queue_id: UUID | None
    """The queue that takes over cases that have waited too long, or null."""
    overflow_after_minutes: int | None
    """After how many minutes in this queue they go there, or null."""
    wrap_up_seconds: int
    """For how many seconds an assignment still takes capacity after its case was resolved."""
    created_at: datetime
    """When it was created."""
    updated_at: datetime
    """When it last changed."""


class QueuedCase(Resource, row=tables.QueuedCase, computed=("waiting_seconds",)):
    """A case that waits in a queue."""

    case_id: UUID
    """The case."""
    priority: CasePriority
    """Its priority."""
    queued_at: datetime
    """When it began to wait, in any queue."""
    entered_at: datetime
    """When it entered this queue."""
    waiting_seconds: int
    """For how many seconds it has waited, in any queue."""
