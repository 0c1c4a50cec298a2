"""Invitations on request, their list, and thanks for answers."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    Page,
    PageParams,
    PersonErased,
    Problem,
    UnitOfWork,
    Upserted,
    Work,
    equals,
    of_person,
    paginate,
    reject_erased,
)
from services.interactions.feedback import tables
from services.interactions.feedback.queries.invitations import lock_customers, send_invitation
from services.interactions.feedback.queries.surveys import SurveyNotInState, live_survey
from services.interactions.feedback.rules.surveys import InvitationState
from services.interactions.feedback.survey_invitations.schemas import (
    IssuedSurveyInvitation,
    SurveyInvitation,
    SurveyInvitationCreate,
)

feature = Feature("survey-invitations")


class NotAnswered(Problem, status=409):
    """The invitation has no answer.

    `state` is its state. Thank the customer after the answer.
    """


@feature.post(
    "/survey-invitations", scope="interactions:write", raises=[PersonErased, SurveyNotInState], store_response=False
)
async def invite_to_survey(work: Work, body: SurveyInvitationCreate) -> Upserted[IssuedSurveyInvitation]:
    """Invite a customer to a live survey. A subject that was asked about before returns its invitation with 200.

    With the delivery `link`, the quarantine is checked at once. A message is checked when it is due, and needs the
    permission of the customer.
    """
    survey = await live_survey(work, body.survey_id)
    if work.is_retry:  # the customer has been erased, or a concurrent request has invited for the same subject
        await reject_erased(work, body.customer_id)
    is_link = body.delivery == "link"
    values = {name: value for name, value in body.values().items() if name not in ("delivery", "send_at")}
    due_at = work.now if is_link else max(body.send_at or work.now, work.now)
    row = tables.SurveyInvitation(**values, send_at=due_at, created_at=work.now, created_by=work.actor)
    stored = await work.insert_or_ignore(row)
    if stored is None:
        existing = await _of_subject(work, row)
        return Upserted(IssuedSurveyInvitation.from_row(existing, path=None), False)
    if not is_link:
        return Upserted(IssuedSurveyInvitation.from_row(stored, path=None), True)
    await lock_customers(work, [stored.customer_id])
    sent, path = await send_invitation(work, survey, stored, by_event=False)
    return Upserted(IssuedSurveyInvitation.from_row(sent, path=path), True)


@feature.get("/survey-invitations", scope="interactions:read")
async def list_survey_invitations(
    work: Work,
    params: PageParams,
    survey_id: Annotated[UUID | None, Parameter(description="Only invitations to this survey.")] = None,
    customer_id: Annotated[UUID | None, Parameter(description="Only invitations of this customer.")] = None,
    state: Annotated[InvitationState | None, Parameter(description="Only invitations in this state.")] = None,
) -> Page[SurveyInvitation]:
    """List invitations, oldest first, without their links."""
    where = [*of_person(customer_id), *equals(survey_id=survey_id, state=state)]
    return await paginate(work, params, tables.SurveyInvitation, SurveyInvitation, where=where)


@feature.get("/survey-invitations/{id:uuid}", scope="interactions:read")
async def read_survey_invitation(work: Work, id: UUID) -> SurveyInvitation:
    """Return an invitation, without its link."""
    return SurveyInvitation.from_row(await work.get(tables.SurveyInvitation, id))


@feature.post("/survey-invitations/{id:uuid}/thanks", scope="interactions:write", raises=[NotAnswered])
async def record_thanks(work: Work, id: UUID) -> SurveyInvitation:
    """Record that the customer was thanked for the answer. The first thanks count, and a repeat changes nothing."""
    invitation = await work.get(tables.SurveyInvitation, id, for_update=True)
    if invitation.state != "answered":
        raise NotAnswered(f"The invitation is {invitation.state}.", state=invitation.state)
    if invitation.thanked_at is None:
        invitation = await work.update(invitation, thanked_at=work.now, thanked_by=work.actor)
    return SurveyInvitation.from_row(invitation)


async def _of_subject(work: UnitOfWork, row: tables.SurveyInvitation) -> tables.SurveyInvitation:
    """Return the invitation that exists for the subject of a new one."""
    subject = {name: getattr(row, name) for name in ("survey_id", "about_kind", "about_id")}
    existing = await work.find(tables.SurveyInvitation, **subject)
    if existing is None:
        raise LookupError(f"no invitation has the subject {row.about_id}")
    return existing
