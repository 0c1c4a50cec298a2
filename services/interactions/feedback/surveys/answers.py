"""The answers to a survey, as its results count them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter

from chassis import (
    Feature,
    Line,
    Page,
    PageParams,
    Query,
    Reference,
    Resource,
    TimeRange,
    Work,
    equals,
    of_person,
    paginate,
    time_range,
)
from services.interactions.feedback import tables
from services.interactions.feedback.rules.surveys import QuestionKind, SubjectKind

feature = Feature("surveys")


class QuestionAnswer(Resource):
    """The answer to a question."""

    question: str
    """The key of the question."""
    kind: QuestionKind
    """The kind of question."""
    scale_min: int | None
    """The lowest score of the scale, or null for a question without scores."""
    scale_max: int | None
    """The highest score of the scale, or null for a question without scores."""
    number: int | None
    """The score, or null."""
    choices: list[str]
    """The keys of the choices."""
    text: str | None
    """The text, or null. An erasure of the customer removes it."""


class SurveyAnswer(Resource, row=tables.SurveyAnswer, computed=("answers",)):
    """The answers of a person to a version of a survey."""

    id: UUID
    """Identifies the answer."""
    survey_id: UUID
    """The survey."""
    version_number: int
    """The version of the survey that was answered."""
    invitation_id: UUID | None
    """The invitation, or null for the link of a store."""
    link_id: UUID | None
    """The link of a store, or null."""
    customer_id: UUID | None
    """The customer, or null for the link of a store."""
    about_kind: SubjectKind | None
    """What the survey asked about, or null."""
    about_id: UUID | None
    """The case or the purchase, or null."""
    store: str | None
    """The store, or null."""
    agent_id: str | None
    """The employee, or null."""
    answers: list[QuestionAnswer]
    """The answers to the questions."""
    detractor_at: datetime | None
    """When a score of a detractor was detected, or null."""
    answered_at: datetime
    """When it was answered."""
    amended_at: datetime | None
    """When it was last changed, or null."""


@feature.get("/surveys/{id:uuid}/answers", scope="interactions:read")
async def list_survey_answers(
    work: Work,
    id: UUID,
    params: PageParams,
    answered_at: Annotated[TimeRange, Depends(time_range("answered_at"))],
    customer_id: Annotated[UUID | None, Parameter(description="Only answers of this customer.")] = None,
    store: Annotated[Line | None, Parameter(description="Only answers about this store.")] = None,
    agent_id: Annotated[Reference | None, Parameter(description="Only answers about this employee.")] = None,
) -> Page[SurveyAnswer]:
    """List the answers to a survey, newest first."""
    await work.get(tables.Survey, id)
    where = [*equals(survey_id=id, store=store, agent_id=agent_id), *of_person(customer_id), *answered_at.filters]
    rows: dict[UUID, tables.SurveyAnswer] = {}

    def without_scores(row: tables.SurveyAnswer) -> SurveyAnswer:
        rows[row.id] = row
        return SurveyAnswer.from_row(row, answers=[])

    page = await paginate(work, params, tables.SurveyAnswer, without_scores, sort="-answered_at", where=where)
    scores: dict[UUID, list[tables.QuestionScore]] = {}
    for score in await work.select(_SCORES_OF, ids=list(rows)):
        scores.setdefault(score.answer_id, []).append(score)
    for item in page.items:
        item.answers = _answers(rows[item.id], scores.get(item.id, []))
    return page


def _answers(row: tables.SurveyAnswer, scores: list[tables.QuestionScore]) -> list[QuestionAnswer]:
    texts = row.texts or {}
    return [QuestionAnswer.from_row(score, number=score.value, text=texts.get(score.question)) for score in scores]


_SCORES_OF = Query(
    tables.QuestionScore, "select * from question_score where answer_id = any(:ids) order by answer_id, id"
)
