"""Inviting customers, and sending their links, each of them once.

An invitation is decided when it is sent, not when it is created: the survey must be live, the quarantine of the tenant
must be over, and the customer must permit a message. A link that a request returns is handed over by the caller.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Command, Event, Query, UnitOfWork, find_erased, found_person_sql, hash_link_token, new_link_token
from services.interactions.contact.queries.permission import may_contact
from services.interactions.feedback import tables
from services.interactions.feedback.queries.surveys import survey_settings
from services.interactions.feedback.rules.surveys import SubjectKind, SuppressionReason

PATH = "/v1/survey-answers/"


class InvitationEvent(Event):
    """The fields of events of invitations."""

    invitation_id: UUID
    """The invitation."""
    survey_id: UUID
    """The survey."""
    customer_id: UUID
    """The customer."""
    about_kind: SubjectKind | None
    """What the survey asks about: a case or a purchase, or null."""
    about_id: UUID | None
    """The case or the purchase, or null."""
    channel: Annotated[str, Field(examples=["email"])]
    """The channel."""
    store: Annotated[str | None, Field(examples=["Amsterdam"])]
    """The store, or null."""
    agent_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The employee, or null."""


class SurveyInvitationSent(InvitationEvent, type="interactions.survey_invitation_sent.v1", partition_key="customer_id"):
    """A customer was invited to a survey."""

    version_number: int
    """The version of the survey."""
    sent_at: datetime
    """When it was sent."""
    expires_at: datetime
    """When its link expires."""
    path: Annotated[str | None, Field(examples=["/v1/survey-answers/AZOnwls..."])]
    """The path of the survey's page, which your sender appends to the address of the API, or null if a request has
    returned it. It is a secret of the customer."""


class SurveyInvitationSuppressed(
    InvitationEvent, type="interactions.survey_invitation_suppressed.v1", partition_key="customer_id"
):
    """An invitation to a survey was not sent."""

    reason: SuppressionReason
    """The quarantine, the lack of a permission, or the end of the survey."""


async def lock_customers(work: UnitOfWork, ids: Collection[UUID]) -> None:
    """Let the invitations of each customer be sent in sequence, until the commit. They would not see each other."""
    await work.execute(_LOCK_CUSTOMERS, ids=list(ids))


async def send_invitation(
    work: UnitOfWork, survey: tables.Survey, invitation: tables.SurveyInvitation, *, by_event: bool
) -> tuple[tables.SurveyInvitation, str | None]:
    """Send a queued invitation whose customer is locked, or suppress it. Returns it, and its path if it was sent.

    With `by_event`, the event has the path for the sender.
    """
    reason = await _reason_against(work, survey, invitation, is_message=by_event)
    if reason is not None:
        suppressed = await work.update(invitation, state="suppressed", reason=reason)
        work.publish(SurveyInvitationSuppressed.from_row(suppressed, invitation_id=invitation.id))
        return suppressed, None
    token = new_link_token(work.tenant.id)
    sent = await work.update(
        invitation,
        state="sent",
        version_number=survey.published_number,
        token_hash=hash_link_token(token),
        sent_at=work.now,
        expires_at=work.now + timedelta(days=survey.expires_days),
    )
    path = PATH + token
    work.publish(SurveyInvitationSent.from_row(sent, invitation_id=sent.id, path=path if by_event else None))
    return sent, path


async def _reason_against(
    work: UnitOfWork, survey: tables.Survey, invitation: tables.SurveyInvitation, *, is_message: bool
) -> SuppressionReason | None:
    if survey.state != "live":
        return "survey_ended"
    if await find_erased(work, [invitation.customer_id]):
        return "customer_erased"
    if is_message and not survey.is_service:
        customer, channel = invitation.customer_id, invitation.channel
        if not (await may_contact(work, customer, survey.purpose, channel)).allowed:
            return "not_permitted"
    days = (await survey_settings(work)).quarantine_days
    since = work.now - timedelta(days=days)
    if days and await work.fetch(_SENT_SINCE, customer_id=invitation.customer_id, since=since):
        return "quarantine"
    return None


_LOCK_CUSTOMERS = Command(
    """
    select pg_advisory_xact_lock(hashtextextended('survey of ' || id, 0))
    from (select distinct unnest(:ids::uuid[]) as id order by id) as customers
    """
)
_SENT_SINCE = Query(
    UUID,
    f"""
    select id from survey_invitation
    where customer_id = {found_person_sql(":customer_id")} and sent_at > :since limit 1
    """,
)
