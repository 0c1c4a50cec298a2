"""The operations on surveys and their versions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Feature, IfMatch, Page, PageParams, UnitOfWork, VersionMismatch, Work, equals, paginate
from services.interactions.feedback import tables
from services.interactions.feedback.queries.surveys import SurveyNotInState, require_state
from services.interactions.feedback.rules.surveys import SurveyState
from services.interactions.feedback.surveys.schemas import PublishedSurvey, Survey, SurveyCreate, SurveyUpdate

feature = Feature("surveys")


@feature.post("/surveys", scope="interactions:configure", status_code=201)
async def create_survey(work: Work, body: SurveyCreate) -> Survey:
    """Create a survey as a draft. Publish it before customers are invited."""
    return Survey.of(await work.insert(tables.Survey(**body.values())))


@feature.get("/surveys", scope="interactions:read")
async def list_surveys(
    work: Work,
    params: PageParams,
    state: Annotated[SurveyState | None, Parameter(description="Only surveys in this state.")] = None,
) -> Page[Survey]:
    """List surveys, oldest first."""
    return await paginate(work, params, tables.Survey, Survey.of, where=equals(state=state))


@feature.get("/surveys/{id:uuid}", scope="interactions:read")
async def read_survey(work: Work, id: UUID) -> Survey:
    """Return a survey with the questions of its draft."""
    return Survey.of(await work.get(tables.Survey, id))


@feature.patch("/surveys/{id:uuid}", scope="interactions:configure", raises=[SurveyNotInState, VersionMismatch])
async def update_survey(work: Work, id: UUID, body: SurveyUpdate, if_match: IfMatch) -> Survey:
    """Change a survey. Questions change in the draft: publish it to ask them. Triggers and windows apply at once."""
    before = await work.get(tables.Survey, id, for_update=True)
    work.check_version(before, if_match)
    require_state(before, "draft", "live")
    return Survey.of(await work.update(before, **body.changes()))


@feature.post("/surveys/{id:uuid}/publish", scope="interactions:configure", raises=[SurveyNotInState])
async def publish_survey(work: Work, id: UUID) -> Survey:
    """Publish the draft as the next version. Earlier versions stay, with their answers. Repeating it changes nothing.

    An invitation gets the version that is published when it is sent.
    """
    before = await work.get(tables.Survey, id, for_update=True)
    require_state(before, "draft", "live")
    if await _is_published(work, before):
        return Survey.of(before)
    number = (before.published_number or 0) + 1
    await work.insert(tables.SurveyVersion(survey_id=id, number=number, published_at=work.now, **_content(before)))
    return Survey.of(await work.update(before, state="live", published_number=number))


@feature.post("/surveys/{id:uuid}/end", scope="interactions:configure", raises=[SurveyNotInState])
async def end_survey(work: Work, id: UUID) -> Survey:
    """End a survey. It sends no invitations and takes no answers any more. Waiting invitations are suppressed."""
    before = await work.get(tables.Survey, id, for_update=True)
    require_state(before, "live", "ended")
    return Survey.of(await work.update(before, state="ended"))


@feature.get("/surveys/{id:uuid}/versions", scope="interactions:read")
async def list_survey_versions(work: Work, id: UUID, params: PageParams) -> Page[PublishedSurvey]:
    """List the published versions of a survey, oldest first."""
    await work.get(tables.Survey, id)
    return await paginate(work, params, tables.SurveyVersion, PublishedSurvey.of, where=equals(survey_id=id))


def _content(survey: tables.Survey) -> dict[str, Any]:
    """Return the part of a survey that its versions keep."""
    return {"name": survey.name, "language": survey.language, "questions": survey.questions}


async def _is_published(work: UnitOfWork, survey: tables.Survey) -> bool:
    """Return whether the draft is the published version."""
    version = await work.find(tables.SurveyVersion, survey_id=survey.id, number=survey.published_number)
    return version is not None and all(getattr(version, name) == value for name, value in _content(survey).items())
