"""The operations of a link's holder: read a survey and answer it, as JSON and as a page."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Request

from chassis import Command, Feature, FormFields, NotFound, Problem, UnitOfWork, ValidationFailed, Work
from services.interactions.feedback.rules.surveys import AnswerItem, InvalidAnswer
from services.interactions.feedback.rules.texts import PAGE_TEXTS, choose_language
from services.interactions.feedback.survey_answers.forms import read_form
from services.interactions.feedback.survey_answers.opening import OpenedSurvey, SurveyClosed, open_survey, to_form
from services.interactions.feedback.survey_answers.page import Sent, SurveyPage, notice_page, survey_page
from services.interactions.feedback.survey_answers.schemas import SurveyAnswersUpdate, SurveyForm
from services.interactions.feedback.survey_answers.storing import AnswersLocked, TooManyAnswers, store_answers

feature = Feature("survey-answers")
Token = Annotated[str, Path(description="The token of the link.")]


@feature.get("/survey-answers/{token}", scope=None, public=True, raises=[SurveyClosed])
async def read_survey_form(work: Work, request: Request, token: Token) -> SurveyForm | SurveyPage:
    """Return a survey: as JSON, or as a page if the request accepts `text/html`.

    While its answers can be changed, they are returned as well.
    """
    try:
        opened = await _open(work, request, token)
    except (NotFound, SurveyClosed) as problem:
        return _page_of_problem(request, problem)
    invitation = opened.invitation
    if invitation is not None and invitation.opened_at is None:
        await work.defer(_MARK_OPENED, id=invitation.id, now=work.now)
    return survey_page(work, opened) if _wants_page(request) else to_form(opened)


@feature.put(
    "/survey-answers/{token}",
    scope=None,
    public=True,
    raises=[AnswersLocked, SurveyClosed, TooManyAnswers],
)
async def answer_survey(work: Work, request: Request, token: Token, body: SurveyAnswersUpdate) -> SurveyForm:
    """Answer a survey, or change the answers while that is possible. The same answers again change nothing."""
    opened = await _open(work, request, token, for_update=True)
    items = [
        AnswerItem(each.question, each.number, None if each.choices is None else tuple(each.choices), each.text)
        for each in body.answers
    ]
    try:
        await store_answers(work, opened, items, body.submission_id)
    except InvalidAnswer as error:
        raise _refused(error) from None
    return to_form(await _open(work, request, token))


@feature.post(
    "/survey-answers/{token}",
    scope=None,
    public=True,
    form=True,
    raises=[AnswersLocked, SurveyClosed, TooManyAnswers],
)
async def submit_survey_form(work: Work, request: Request, token: Token, fields: FormFields) -> SurveyForm | SurveyPage:
    """Answer a survey, as the form of its page does. Its field `q.<key>` is the answer to a question."""
    try:
        opened = await _open(work, request, token, for_update=True)
        return await _submit(work, request, token, opened, fields)
    except (NotFound, SurveyClosed, TooManyAnswers) as problem:
        return _page_of_problem(request, problem)


async def _submit(
    work: UnitOfWork, request: Request, token: str, opened: OpenedSurvey, fields: Sequence[tuple[str, str]]
) -> SurveyForm | SurveyPage:
    """Store the answers of a form. A page shows invalid ones again, to be corrected."""
    form = read_form(opened.version.questions, fields)
    try:
        await store_answers(work, opened, form.items, form.submission_id)
    except InvalidAnswer as error:
        if not _wants_page(request):
            raise _refused(error) from None
        return survey_page(work, opened, Sent(form, error))
    except AnswersLocked:
        if not _wants_page(request):
            raise
    opened = await _open(work, request, token)
    return survey_page(work, opened, Sent(form)) if _wants_page(request) else to_form(opened)


async def _open(work: UnitOfWork, request: Request, token: str, *, for_update: bool = False) -> OpenedSurvey:
    return await open_survey(work, token, request.headers.get("accept-language", ""), for_update=for_update)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _refused(error: InvalidAnswer) -> ValidationFailed:
    """Return the problem of an answer that its question does not take."""
    pointer = "".join(f"/{part}" for part in ("answers", *error.path))
    return ValidationFailed.field(pointer, error.code, str(error))


def _page_of_problem(request: Request, problem: Problem) -> SurveyPage:
    """Return the page that explains a problem. Raises the problem if the request does not want a page."""
    if not _wants_page(request):
        raise problem
    language = choose_language(request.headers.get("accept-language", ""), tuple(PAGE_TEXTS), "en")
    texts = PAGE_TEXTS[language]
    title, text = {404: (texts.gone_title, texts.gone), 410: (texts.closed_title, texts.closed)}.get(
        problem.status, (texts.busy_title, texts.busy)
    )
    return notice_page(language, title, text, problem.status)


# A plain read begins no transaction, so the mark is stored by itself at the end. Only the first one counts.
_MARK_OPENED = Command(
    """
    update survey_invitation set state = 'opened', opened_at = :now
    where id = :id and opened_at is null and state = 'sent'
    """
)
