"""Cases: requests, questions and complaints. Their history and their messages are append-only."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, bigint, check, choice, document, index, long_text, timestamp, unique
from services.interactions.base import Base
from services.interactions.helpdesk.rules.cases import (
    CAUSES,
    MEDIATOR_AFTER,
    REMEDIES,
    REOPEN_DAYS,
    AboutKind,
    CaseEscalation,
    CaseKind,
    CaseLinkKind,
    CasePriority,
    CaseSeverity,
    CaseState,
    CaseTransitionKind,
    ComplaintDecision,
    ComplaintOutcome,
    EvidenceDocument,
    MessageDirection,
    MessageVisibility,
)


class NumberSeries(Base, table=True):
    """The last number of a series without gaps. Its lock is held until the record with the number is committed."""

    __tablename__ = "number_series"
    __table_args__ = (unique("name"),)

    name: str
    last_number: int = bigint()


class SupportCase(Versioned, Base, table=True):
    """A request, a question or a complaint. `resumes_to` is the state after waiting for the customer."""

    __tablename__ = "support_case"
    __table_args__ = (
        unique("number"),
        check("about", "(about_kind is null) = (about_id is null)"),
        check("waiting", "(state = 'waiting_for_customer') = (resumes_to is not null)"),
        check("closed", "(state = 'closed') = (closed_at is not null)"),
        check("resolved", "(state in ('resolved', 'decision_communicated', 'closed')) = (resolved_at is not null)"),
        check("counts", "number > 0 and reopened_count >= 0"),
        index("customer_id", "opened_at", "id"),
        index("agent_id", "opened_at", "id", postgresql_where=text("agent_id is not null")),
        index("team", "opened_at", "id", postgresql_where=text("team is not null")),
        index("state", "opened_at", "id"),
        index("about_id", "opened_at", "id", postgresql_where=text("about_id is not null")),
        index("opened_at", "id"),
        index("updated_at", "id"),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("step_count",))
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    customer_id: UUID | None = None
    number: int = bigint()
    kind: CaseKind = choice(CaseKind, "kind")
    category: str | None = None
    subject: str
    description: str | None = long_text(default=None)
    channel: str
    priority: CasePriority = choice(CasePriority, "priority", default="normal")
    severity: CaseSeverity | None = choice(CaseSeverity, "severity", default=None)
    about_kind: AboutKind | None = choice(AboutKind, "about_kind", default=None)
    about_id: str | None = None
    cause: str | None = None
    remedy_sought: str | None = None
    decision: ComplaintDecision | None = choice(ComplaintDecision, "decision", default=None)
    remedy: str | None = None
    outcome: ComplaintOutcome | None = choice(ComplaintOutcome, "outcome", default=None)
    state: CaseState = choice(CaseState, "state", default="received")
    resumes_to: CaseState | None = choice(CaseState, "resumes_to", default=None)
    escalation: CaseEscalation = choice(CaseEscalation, "escalation", default="none")
    reopened_count: int = bigint(default=0)
    step_count: int = bigint(default=1)
    agent_id: str | None = None
    team: str | None = None
    opened_by: str
    opened_at: datetime = timestamp()
    first_response_at: datetime | None = timestamp(nullable=True, default=None)
    last_customer_message_at: datetime | None = timestamp(nullable=True, default=None)
    last_answer_at: datetime | None = timestamp(nullable=True, default=None)
    resolved_at: datetime | None = timestamp(nullable=True, default=None)
    closed_at: datetime | None = timestamp(nullable=True, default=None)
    mediator_called_at: datetime | None = timestamp(nullable=True, default=None)


class CaseSettings(Versioned, Base, table=True):
    """The vocabularies and limits of a tenant's cases. The id is the tenant's."""

    __tablename__ = "case_settings"
    audited: ClassVar[bool] = True

    categories: list[str] | None = document(default=None)
    causes: list[str] = document(default_factory=lambda: list(CAUSES))
    remedies: list[str] = document(default_factory=lambda: list(REMEDIES))
    reopen_days: int | None = REOPEN_DAYS
    mediator_after: int | None = MEDIATOR_AFTER


class CaseTransition(Base, table=True):
    """A step of a case, with its state and priority before and after. Append-only.

    `number` counts the steps of the case from 1. Service levels are computed from these
    rows alone, so those of messages say whether the message is an answer.
    """

    __tablename__ = "case_transition"
    __table_args__ = (
        belongs_to("case_id", "support_case"),
        unique("case_id", "number"),
        check("message", "(kind = 'message_recorded') = (message_id is not null)"),
    )

    case_id: UUID
    number: int = bigint()
    kind: CaseTransitionKind = choice(CaseTransitionKind, "kind")
    from_state: CaseState | None = choice(CaseState, "from_state", default=None)
    to_state: CaseState = choice(CaseState, "to_state")
    from_priority: CasePriority | None = choice(CasePriority, "from_priority", default=None)
    to_priority: CasePriority = choice(CasePriority, "to_priority")
    agent_id: str | None = None
    team: str | None = None
    message_id: UUID | None = None
    message_direction: MessageDirection | None = choice(MessageDirection, "message_direction", default=None)
    message_automatic: bool | None = None
    actor: str
    reason: str | None = long_text(default=None)
    evidence: list[EvidenceDocument] = document(default_factory=list)
    occurred_at: datetime = timestamp()


class CaseLink(Base, table=True):
    """A link from a case to another. A link of related cases begins at the lower id."""

    __tablename__ = "case_link"
    __table_args__ = (
        belongs_to("case_id", "support_case"),
        belongs_to("linked_case_id", "support_case", name="fk_case_link_linked_case"),
        unique("case_id", "linked_case_id", "kind"),
        index("linked_case_id"),
        check("other", "case_id <> linked_case_id"),
    )

    case_id: UUID
    linked_case_id: UUID
    kind: CaseLinkKind = choice(CaseLinkKind, "kind")
    created_by: str
    created_at: datetime = timestamp()


class CaseMessage(Base, table=True):
    """A message of a case, or an internal note. Append-only."""

    __tablename__ = "case_message"
    __table_args__ = (
        belongs_to("case_id", "support_case"),
        index("case_id", "recorded_at", "id"),
        check("internal", "visibility = 'public' or direction = 'outbound'"),
    )

    case_id: UUID
    direction: MessageDirection = choice(MessageDirection, "direction")
    visibility: MessageVisibility = choice(MessageVisibility, "visibility")
    automatic: bool
    channel: str | None
    author: str
    body: str = long_text()
    recorded_at: datetime = timestamp()
