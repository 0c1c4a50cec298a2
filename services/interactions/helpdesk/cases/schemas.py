"""Request and response bodies of cases."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field, StrictBool

from chassis import (
    Fields,
    Line,
    MergePatch,
    MultilineText,
    Reference,
    RequestBody,
    Resource,
    ShortLine,
    Subject,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.rules.cases import (
    AboutKind,
    CaseEscalation,
    CaseKind,
    CasePriority,
    CaseSeverity,
    CaseState,
    CaseTransitionKind,
    ComplaintDecision,
    ComplaintOutcome,
    MessageDirection,
    MessageVisibility,
)


class AboutFields(Fields):
    """The record that a case is about."""

    kind: AboutKind
    """The kind of record."""
    id: Reference
    """Its id: that of a purchase, asset, contract or product of Rapport, or a bill's number of your own."""


class CaseAboutCreate(AboutFields, RequestBody):
    """The record that a case is about."""


class CaseAbout(AboutFields, Resource):
    """The record that a case is about."""


class CaseFields(Fields):
    """The fields that are null if nothing is known."""

    category: ShortLine | None = None
    """The category, such as `information`, `bill`, `maintenance` or `technical_help`: one of the case settings."""
    description: MultilineText | None = None
    """What the customer says."""
    severity: CaseSeverity | None = None
    """How serious it is. An assessed complaint has one."""
    cause: ShortLine | None = None
    """The cause of a complaint, such as `delay`, `poor_work` or `overpricing`: one of the case settings."""
    remedy_sought: ShortLine | None = None
    """What the customer wants, such as `repair`, `refund` or `apology`: one of the case settings."""
    agent_id: Reference | None = None
    """The agent in charge, by an id of your own."""
    team: ShortLine | None = None
    """The team in charge."""


class CaseCreate(CaseFields, RequestBody):
    """A case to open."""

    example = {
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "kind": "complaint",
        "subject": "The kettle is late",
        "description": "It was to arrive on Monday.",
        "channel": "phone",
        "about": {"kind": "bill", "id": "2026-0042"},
        "cause": "delay",
        "remedy_sought": "refund",
    }

    customer_id: UUID | None = None
    """The customer. It may be set later, once the person is known."""
    kind: CaseKind
    """A request, a question or a complaint."""
    subject: Subject
    """What it is about, in a line."""
    channel: ShortLine
    """The channel on which it arrived, such as `phone` or `email`."""
    about: CaseAboutCreate | None = None
    """The record that it is about."""
    priority: CasePriority = "normal"
    """How urgent it is."""

    def columns(self) -> dict[str, Any]:
        """Return the columns of the case."""
        values = self.values()
        about = values.pop("about") or {}
        return values | {"about_kind": about.get("kind"), "about_id": about.get("id")}


class CaseUpdate(CaseFields, MergePatch):
    """Fields to change: null clears a field. The state changes by transitions."""

    example = {"priority": "high", "agent_id": "agent-7"}
    never_null: ClassVar[frozenset[str]] = frozenset(("customer_id", "subject", "channel", "priority"))

    customer_id: UUID | None = None
    """The customer, if the case has none yet."""
    subject: Subject | None = None
    """What it is about, in a line."""
    channel: ShortLine | None = None
    """The channel on which it arrived."""
    about: CaseAboutCreate | None = None
    """The record that it is about."""
    priority: CasePriority | None = None
    """How urgent it is."""

    def columns(self) -> dict[str, Any]:
        """Return the columns to change."""
        changes = self.changes()
        if "about" in changes:
            about = changes.pop("about") or {}
            changes |= {"about_kind": about.get("kind"), "about_id": about.get("id")}
        return changes


class SupportCase(CaseFields, Resource, row=tables.SupportCase, etag="version", computed=("about",)):
    """A request, a question or a complaint."""

    id: UUID
    """Identifies the case."""
    version: int
    """Counts the changes. It is the ETag."""
    number: int
    """The number of the case, counted for the tenant from 1."""
    customer_id: UUID | None
    """The customer, or null if the person is not known."""
    kind: CaseKind
    """A request, a question or a complaint."""
    subject: str
    """What it is about. Empty if the customer was erased."""
    channel: str
    """The channel on which it arrived."""
    about: CaseAbout | None
    """The record that it is about, or null."""
    priority: CasePriority
    """How urgent it is."""
    state: CaseState
    """How far it has come."""
    decision: ComplaintDecision | None
    """The decision on a complaint: whether it is upheld. Null if there is none yet."""
    remedy: str | None
    """The remedy that the customer gets, or null."""
    outcome: ComplaintOutcome | None
    """Whether the customer accepts the decision, or null."""
    escalation: CaseEscalation
    """How far a complaint was escalated: `internal` is inside the business, `external` outside of it."""
    reopened_count: int
    """How often it was reopened."""
    opened_by: str
    """The principal that opened it."""
    opened_at: datetime
    """When it was opened."""
    first_response_at: datetime | None
    """When a person first answered publicly, or null. Automatic messages do not count."""
    last_customer_message_at: datetime | None
    """When the customer last wrote, or null."""
    last_answer_at: datetime | None
    """When a person last answered publicly, or null."""
    resolved_at: datetime | None
    """When it was resolved, or the first decision on the complaint was communicated. Null if it is open."""
    closed_at: datetime | None
    """When it was closed, or null."""
    mediator_called_at: datetime | None
    """When a mediator was called, because it was reopened or escalated too often. Null otherwise."""
    updated_at: datetime
    """When it last changed."""

    @classmethod
    def of(cls, row: tables.SupportCase) -> Self:
        """Return the resource of a row."""
        about = None if row.about_kind is None else CaseAbout(kind=row.about_kind, id=row.about_id or "")
        return cls.from_row(row, about=about)


class EvidenceFields(Fields):
    """A piece of evidence."""

    kind: ShortLine
    """What it is, such as `photo`, `letter` or `recording`."""
    reference: Reference | None = None
    """Where it is kept: an address or an id of your own."""
    note: Line | None = None
    """A remark."""


class CaseEvidenceCreate(EvidenceFields, RequestBody):
    """A piece of evidence to record."""


class CaseEvidence(EvidenceFields, Resource):
    """A piece of evidence."""


class CaseTransitionCreate(RequestBody):
    """A state to which a case moves, with the fields that it needs."""

    example = {"state": "acknowledged", "evidence": [{"kind": "letter", "reference": "letters/2026-0042.pdf"}]}

    state: CaseState
    """The state."""
    reason: MultilineText | None = None
    """Why it moves. An escalation needs a reason."""
    evidence: Annotated[list[CaseEvidenceCreate], Field(max_length=50)] | None = None
    """The evidence of this step."""
    severity: CaseSeverity | None = None
    """How serious it is, if it is assessed by this step."""
    cause: ShortLine | None = None
    """The cause of a complaint, if it is known by this step."""
    decision: ComplaintDecision | None = None
    """Whether the complaint is upheld. The state `decision_communicated` needs it."""
    remedy: ShortLine | None = None
    """The remedy that the customer gets."""
    outcome: ComplaintOutcome | None = None
    """Whether the customer accepts the decision. A closed complaint has an outcome."""


class CaseTransition(Resource, row=tables.CaseTransition):
    """A step of a case."""

    id: UUID
    """Identifies the step."""
    case_id: UUID
    """The case."""
    number: int
    """Counts the steps of the case from 1."""
    kind: CaseTransitionKind
    """What happened."""
    from_state: CaseState | None
    """The state before, or null for the first step."""
    to_state: CaseState
    """The state after it."""
    from_priority: CasePriority | None
    """The priority before, or null for the first step."""
    to_priority: CasePriority
    """The priority after it."""
    agent_id: str | None
    """The agent in charge after it, or null."""
    team: str | None
    """The team in charge after it, or null."""
    message_id: UUID | None
    """The message that was recorded, or null."""
    actor: str
    """The principal that took the step."""
    reason: str | None
    """Why, or null."""
    evidence: list[CaseEvidence]
    """The evidence."""
    occurred_at: datetime
    """When it happened."""


class CaseMessageCreate(RequestBody):
    """A message, or an internal note."""

    example = {"direction": "outbound", "body": "We have received your complaint.", "channel": "email"}

    direction: MessageDirection | None = None
    """From the customer, or to the customer. Default: that of the caller. A customer's token sends inbound ones."""
    visibility: MessageVisibility = "public"
    """Public, or only for those who work on the case."""
    automatic: StrictBool = False
    """True if no person wrote it. It is no answer for service levels."""
    channel: ShortLine | None = None
    """The channel, such as `email`."""
    author: Reference | None = None
    """The author, by an id of your own. Default: the caller."""
    body: MultilineText
    """The text."""


class CaseMessage(Resource, row=tables.CaseMessage):
    """A message of a case."""

    id: UUID
    """Identifies the message."""
    case_id: UUID
    """The case."""
    direction: MessageDirection
    """From the customer, or to the customer."""
    visibility: MessageVisibility
    """Public, or only for those who work on the case."""
    automatic: bool
    """True if no person wrote it."""
    channel: str | None
    """The channel, or null."""
    author: str
    """The author: an id of your own, or the principal that sent it."""
    body: str
    """The text. Empty if the customer was erased."""
    recorded_at: datetime
    """When it was recorded."""
