"""Request and response bodies of invitations."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import model_validator
from typing_extensions import TypeAliasType

from chassis import REQUIRED, Fields, Instant, Line, Reference, RequestBody, Resource, ShortLine, invalid
from services.interactions.feedback import tables
from services.interactions.feedback.rules.surveys import InvitationState, SubjectKind, SuppressionReason

InvitationDelivery = TypeAliasType("InvitationDelivery", Literal["message", "link"])


class InvitationFields(Fields):
    """The fields of an invitation."""

    survey_id: UUID
    """The survey."""
    customer_id: UUID
    """The customer."""
    about_kind: SubjectKind | None = None
    """What the survey asks about: a case or a purchase."""
    about_id: UUID | None = None
    """The case or the purchase. A survey asks about it once."""
    channel: ShortLine = "email"
    """The channel, for which the customer must permit surveys."""
    store: Line | None = None
    """The store, by which results are filtered."""
    agent_id: Reference | None = None
    """The employee, by an id of your own, by which results are filtered."""


class SurveyInvitationCreate(InvitationFields, RequestBody):
    """An invitation to send."""

    example = {
        "survey_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120009",
        "customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002",
        "channel": "email",
        "delivery": "link",
        "agent_id": "agent-7",
    }

    delivery: InvitationDelivery = "message"
    """`message` publishes the link as an event when it is due, for your sender. `link` returns it at once."""
    send_at: Instant | None = None
    """When a message is due. Default: at once."""

    @model_validator(mode="after")
    def _check_subject(self) -> Self:
        if (self.about_kind is None) != (self.about_id is None):
            raise invalid(REQUIRED, "a subject needs its kind and its id")
        return self


class SurveyInvitation(InvitationFields, Resource, row=tables.SurveyInvitation):
    """An invitation of a customer to a survey."""

    id: UUID
    """Identifies the invitation."""
    version_number: int | None
    """The version of the survey, or null before it is sent."""
    state: InvitationState
    """`queued`, `sent`, `opened`, `answered` or `expired`, or `suppressed` if it was not sent."""
    reason: SuppressionReason | None
    """The reason of a suppressed invitation, or null."""
    send_at: datetime
    """When it is due."""
    sent_at: datetime | None
    """When it was sent, or null."""
    opened_at: datetime | None
    """When its link was first opened, or null."""
    expires_at: datetime | None
    """When its link expires, or null before it is sent."""
    thanked_at: datetime | None
    """When the customer was thanked for the answer, or null."""
    thanked_by: str | None
    """The principal that thanked the customer, or null."""
    created_at: datetime
    """When it was created."""
    created_by: str
    """The principal that created it, or the feature that reacted to an event."""


class IssuedSurveyInvitation(SurveyInvitation, Resource, row=tables.SurveyInvitation, computed=("path",)):
    """An invitation, with its link if you are to send it."""

    path: str | None
    """The path of the survey's page, to be appended to the address of the API. It is a secret of the customer, and is
    shown only here. Null unless the invitation was sent with the delivery `link`."""
