"""Request and response bodies of promises."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import (
    Fields,
    Instant,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.queries.due import DueValues
from services.interactions.helpdesk.rules.due import LocalTime
from services.interactions.helpdesk.rules.promises import WARN_BEFORE_SECONDS, PromiseMaker, PromiseState

WarnBeforeSeconds = Annotated[int, Field(strict=True, ge=0, le=31_536_000)]


class OwnerFields(Fields):
    """The owner of a promise."""

    owner_id: Reference | None = None
    """The agent in charge, by an id of your own."""
    team: ShortLine | None = None
    """The team in charge."""


class PromiseCreate(OwnerFields, DueValues, RequestBody):
    """A promise to record. It has an owner or a team, and `due_at` or `by_when`."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "made_by_kind": "agent",
        "made_by_id": "agent-7",
        "what": "A technician calls about the kettle.",
        "owner_id": "agent-9",
        "team": "repairs",
        "by_when": "2199-03-02T17:00",
        "timezone": "Europe/Amsterdam",
    }

    customer_id: UUID
    """The customer to whom it is made."""
    made_by_kind: PromiseMaker = "agent"
    """What makes it: an agent, a case or an order."""
    made_by_id: Reference
    """The agent, by an id of your own, or the id of the case or of the purchase."""
    what: MultilineText
    """The content of the promise."""
    made_at: Instant | None = None
    """When it was made. Default: now."""
    warn_before_seconds: WarnBeforeSeconds = WARN_BEFORE_SECONDS
    """How long before its due time an event warns of it. 0: no warning. Default: a day."""

    @model_validator(mode="after")
    def _require_owner(self) -> Self:
        if self.owner_id is None and self.team is None:
            raise ValueError("an owner_id or a team is expected")
        return self


class PromiseUpdate(OwnerFields, MergePatch):
    """Fields to change: null clears a field."""

    example = {"owner_id": "agent-9"}
    never_null: ClassVar[frozenset[str]] = frozenset(("warn_before_seconds",))

    warn_before_seconds: WarnBeforeSeconds | None = None
    """How long before its due time an event warns of it. 0: no warning."""


class PromiseReplacementCreate(OwnerFields, DueValues, RequestBody):
    """The promise that replaces another. Fields that are left out are those of the other."""

    what: MultilineText | None = None
    """The content of the promise."""
    warn_before_seconds: WarnBeforeSeconds | None = None
    """How long before its due time an event warns of it."""


class PromiseMessageCreate(RequestBody):
    """A message that tells the customer of the change. It is a service message, which needs no permission."""

    channel: ShortLine
    """The channel, such as `email` or `sms`."""
    subject: Line | None = None
    """The subject, for channels that have one."""
    body: MultilineText
    """The text."""


class PromiseWithdrawRequest(RequestBody):
    """The reason for a withdrawal, the promise that replaces the other, and a message to the customer."""

    example = {
        "reason": "The customer prefers a new kettle.",
        "replacement": {"what": "A new kettle arrives.", "by_when": "2199-03-09"},
        "message": {"channel": "email", "subject": "Your kettle", "body": "A new one arrives on 9 March."},
    }

    reason: MultilineText
    """Why it is withdrawn."""
    replacement: PromiseReplacementCreate | None = None
    """The promise that replaces it. It is made to the same customer, with a due time of its own."""
    message: PromiseMessageCreate | None = None
    """A message to the customer. It is requested at once, before the promise slips. Default: none."""


class Promise(Resource, row=tables.Promise, etag="version"):
    """A promise to a customer."""

    id: UUID
    """Identifies the promise."""
    version: int
    """Counts the changes. It is the ETag."""
    customer_id: UUID
    """The customer to whom it was made."""
    made_by_kind: PromiseMaker
    """What made it: an agent, a case or an order."""
    made_by_id: str
    """The agent, or the id of the case or of the purchase."""
    what: str
    """The content of the promise. Empty if the customer was erased."""
    owner_id: str | None
    """The agent in charge, or null."""
    team: str | None
    """The team in charge, or null."""
    made_at: datetime
    """When it was made."""
    due_at: datetime
    """When it is due. A promise that is done at this very time is kept."""
    by_when: LocalTime | None
    """The due time as a local date or time, or null if it was stated as an instant."""
    timezone: str
    """The time zone of `by_when`."""
    first_due_at: datetime
    """The due time when it was made. It differs from `due_at` if it was put off."""
    warn_before_seconds: int
    """How long before its due time an event warns of it. 0: no warning."""
    state: PromiseState
    """Open, kept, broken or withdrawn. It is broken as soon as its due time is over."""
    done_at: datetime | None
    """When it was done, or null. A broken promise may be done late."""
    broken_at: datetime | None
    """When it was broken: its due time. Null otherwise."""
    withdrawn_at: datetime | None
    """When it was withdrawn, or null."""
    withdrawn_reason: str | None
    """Why it was withdrawn, or null."""
    replaced_by_id: UUID | None
    """The promise that replaces it, or null."""
    created_at: datetime
    """When it was recorded."""
    updated_at: datetime
    """When it last changed."""
