"""Survey links: a link for all visitors of a store, for example on a sign. Its answers name no customer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter
from pydantic import Field

from chassis import (
    Feature,
    Fields,
    Line,
    Page,
    PageParams,
    RequestBody,
    Resource,
    Work,
    equals,
    hash_link_token,
    new_link_token,
    paginate,
)
from services.interactions.feedback import tables
from services.interactions.feedback.queries.invitations import PATH
from services.interactions.feedback.queries.surveys import SurveyNotInState, live_survey

feature = Feature("survey-links")
Rate = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class SurveyLinkFields(Fields):
    """The fields of a link."""

    survey_id: UUID
    """The survey."""
    store: Line
    """The store, by which results are filtered."""
    answers_per_hour: Rate = 60
    """How many answers the link takes in an hour."""


class SurveyLinkCreate(SurveyLinkFields, RequestBody):
    """A link to create."""

    example = {"survey_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120009", "store": "Amsterdam"}


class SurveyLink(SurveyLinkFields, Resource, row=tables.SurveyLink):
    """A link of a store, without its token."""

    id: UUID
    """Identifies the link."""
    revoked_at: datetime | None
    """When it was revoked, or null."""
    created_at: datetime
    """When it was created."""
    created_by: str
    """The principal that created it."""


class IssuedSurveyLink(SurveyLinkFields, Resource, row=tables.SurveyLink, computed=("path",)):
    """A new link, with its token."""

    id: UUID
    """Identifies the link."""
    path: str
    """The path of the survey's page, to be appended to the address of the API. It is shown only here."""
    created_at: datetime
    """When it was created."""


@feature.post(
    "/survey-links", scope="interactions:configure", status_code=201, raises=[SurveyNotInState], store_response=False
)
async def create_survey_link(work: Work, body: SurveyLinkCreate) -> IssuedSurveyLink:
    """Create a link to a live survey for a store. Each person with the link can answer."""
    await live_survey(work, body.survey_id)
    token = new_link_token(work.tenant.id)
    row = tables.SurveyLink(
        **body.values(), token_hash=hash_link_token(token), created_at=work.now, created_by=work.actor
    )
    return IssuedSurveyLink.from_row(await work.insert(row), path=PATH + token)


@feature.get("/survey-links", scope="interactions:read")
async def list_survey_links(
    work: Work,
    params: PageParams,
    survey_id: Annotated[UUID | None, Parameter(description="Only links to this survey.")] = None,
    store: Annotated[Line | None, Parameter(description="Only links of this store.")] = None,
) -> Page[SurveyLink]:
    """List the links of stores, without their tokens."""
    where = equals(survey_id=survey_id, store=store)
    return await paginate(work, params, tables.SurveyLink, SurveyLink, where=where)


@feature.get("/survey-links/{id:uuid}", scope="interactions:read")
async def read_survey_link(work: Work, id: UUID) -> SurveyLink:
    """Return the link of a store, without its token."""
    return SurveyLink.from_row(await work.get(tables.SurveyLink, id))


@feature.delete("/survey-links/{id:uuid}", scope="interactions:configure", status_code=204)
async def revoke_survey_link(work: Work, id: UUID) -> None:
    """Revoke a link. Its token is invalid at once, and its answers stay."""
    link = await work.get(tables.SurveyLink, id, for_update=True)
    if link.revoked_at is None:
        await work.update(link, revoked_at=work.now)
