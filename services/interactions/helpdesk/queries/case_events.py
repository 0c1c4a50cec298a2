"""The events and problems of cases. No event contains a text that a person wrote."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem
from services.interactions.helpdesk.rules.cases import (
    AboutKind,
    CaseEscalation,
    CaseKind,
    CasePriority,
    CaseSeverity,
    CaseState,
    ComplaintDecision,
    MessageDirection,
    MessageVisibility,
)


class CaseEvent(Event):
    """The fields of every event about a case."""

    case_id: UUID
    """The case."""
    customer_id: UUID | None
    """The customer, or null if the person is not known."""
    number: Annotated[int, Field(description="The number of the case in the tenant.", examples=[1042])]
    kind: CaseKind
    """A request, a question or a complaint."""
    state: CaseState
    """The state of the case."""
    priority: CasePriority
    """The priority of the case."""
    agent_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The agent in charge, or null."""
    team: Annotated[str | None, Field(examples=["repairs"])]
    """The team in charge, or null."""

    @property
    def subject_id(self) -> UUID:
        """The customer, or the case itself if it has none."""
        return self.customer_id or self.case_id


class CaseOpened(CaseEvent, type="interactions.case_opened.v1", partition_key="subject_id"):
    """A case was opened."""

    category: Annotated[str | None, Field(examples=["maintenance"])]
    """The category, or null."""
    channel: Annotated[str, Field(examples=["phone"])]
    """The channel on which it arrived."""
    severity: CaseSeverity | None
    """The severity, or null if it is not assessed."""
    about_kind: AboutKind | None
    """The kind of record that it is about, or null."""
    about_id: Annotated[str | None, Field(examples=["0193a7c2-5b1e-7c3a-9d54-0242ac120002"])]
    """The id of that record, or null."""
    cause: Annotated[str | None, Field(examples=["delay"])]
    """The cause of a complaint, or null."""
    opened_at: datetime
    """When it was opened."""


class CaseUpdated(CaseEvent, type="interactions.case_updated.v1", partition_key="subject_id"):
    """Fields of a case changed, such as its priority, but not its state."""

    changed: Annotated[list[str], Field(description="The names of the changed fields.", examples=[["priority"]])]
    updated_at: datetime
    """When it was changed."""


class CaseAssigned(CaseEvent, type="interactions.case_assigned.v1", partition_key="subject_id"):
    """A case was assigned to an agent or a team, or its assignment was removed."""

    previous_agent_id: Annotated[str | None, Field(examples=["agent-9"])]
    """The agent before, or null."""
    previous_team: Annotated[str | None, Field(examples=["front desk"])]
    """The team before, or null."""
    assigned_at: datetime
    """When it was assigned."""


class CaseStatusChanged(CaseEvent, type="interactions.case_status_changed.v1", partition_key="subject_id"):
    """A case moved to another state."""

    previous_state: CaseState
    """The state before."""
    escalation: CaseEscalation
    """How far it was escalated."""
    changed_at: datetime
    """When it moved."""


class CaseResolved(CaseEvent, type="interactions.case_resolved.v1", partition_key="subject_id"):
    """A request or question was resolved, or the decision on a complaint was communicated."""

    cause: Annotated[str | None, Field(examples=["delay"])]
    """The cause of a complaint, or null."""
    reopened_count: Annotated[int, Field(examples=[0])]
    """How often it had been reopened."""
    opened_at: datetime
    """When it was opened."""
    first_response_at: datetime | None
    """When a person first answered, or null."""
    resolved_at: datetime
    """When it was resolved."""


class CaseReopened(CaseEvent, type="interactions.case_reopened.v1", partition_key="subject_id"):
    """A resolved or closed case was reopened."""

    previous_state: CaseState
    """The state before."""
    reopened_count: Annotated[int, Field(examples=[1])]
    """How often it has been reopened."""
    reopened_at: datetime
    """When it was reopened."""


class ComplaintDecided(CaseEvent, type="interactions.complaint_decided.v1", partition_key="subject_id"):
    """The decision on a complaint was communicated to the customer."""

    decision: ComplaintDecision
    """Whether the complaint is upheld."""
    cause: Annotated[str, Field(examples=["delay"])]
    """The cause of the complaint."""
    remedy: Annotated[str | None, Field(examples=["repair"])]
    """The remedy that the customer gets, or null."""
    decided_at: datetime
    """When the decision was communicated."""


class CaseMediatorCalled(CaseEvent, type="interactions.case_mediator_called.v1", partition_key="subject_id"):
    """A case needs a mediator, because it was reopened or escalated too often. Published once a case."""

    escalation: CaseEscalation
    """How far it was escalated."""
    reopened_count: Annotated[int, Field(examples=[3])]
    """How often it has been reopened."""
    mediator_called_at: datetime
    """When the mediator was called."""


class CaseMessageRecorded(CaseEvent, type="interactions.case_message_recorded.v1", partition_key="subject_id"):
    """A message or an internal note was added to a case. Its text is read from the API."""

    message_id: UUID
    """The message."""
    direction: MessageDirection
    """From the customer, or to the customer."""
    visibility: MessageVisibility
    """Public, or only for those who work on the case."""
    automatic: bool
    """True if no person wrote it. An automatic message is no answer."""
    recorded_at: datetime
    """When it was recorded."""


class InvalidCaseTransition(Problem, status=409):
    """The case cannot move to this state.

    `state` is its present state, and `allowed` lists the states to which it can move. Another agent may have moved it.
    """


class CaseFieldsMissing(Problem, status=409):
    """The case needs further fields in this state.

    `fields` names them. Set them, or send them with the transition.
    """


class ReopenLimitReached(Problem, status=409):
    """The case was resolved too long ago to be reopened.

    `resolved_at` is when it was resolved, and `reopen_days` is the limit of the tenant. Open a new case.
    """
