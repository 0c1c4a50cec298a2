"""A survey, as a link opens it: that of an invitation, or that of a store."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis import NotFound, Problem, UnitOfWork, hash_link_token
from services.interactions.feedback import tables
from services.interactions.feedback.queries.surveys import version_of
from services.interactions.feedback.rules.surveys import (
    SCALES,
    AnswerItem,
    QuestionDocument,
    SurveyLanguage,
    localized,
)
from services.interactions.feedback.rules.texts import choose_language
from services.interactions.feedback.survey_answers.schemas import (
    SurveyForm,
    SurveyFormAnswer,
    SurveyFormChoice,
    SurveyFormQuestion,
    SurveyFormState,
)


class SurveyClosed(Problem, status=410):
    """The survey takes no more answers.

    The link has expired, or the survey has ended. Answers that were sent before are kept.
    """


@dataclass(frozen=True, slots=True)
class OpenedSurvey:
    """A survey, its version, the link that opened it, and the answers that were sent through it."""

    survey: tables.Survey
    version: tables.SurveyVersion
    link: tables.SurveyInvitation | tables.SurveyLink
    answer: tables.SurveyAnswer | None
    items: Sequence[AnswerItem]
    language: SurveyLanguage
    state: SurveyFormState

    @property
    def invitation(self) -> tables.SurveyInvitation | None:
        """The invitation, unless it is the link of a store."""
        return self.link if isinstance(self.link, tables.SurveyInvitation) else None


async def open_survey(work: UnitOfWork, token: str, accepted: str, *, for_update: bool = False) -> OpenedSurvey:
    """Return the survey that a token opens, in an accepted language.

    Raises NotFound for a token that was never issued, and SurveyClosed for one whose time is over.
    """
    link = await _find_link(work, token, for_update=for_update)
    survey = await work.get(tables.Survey, link.survey_id)
    answer = None
    number = survey.published_number
    if isinstance(link, tables.SurveyInvitation):
        number = link.version_number
        answer = await work.find(tables.SurveyAnswer, invitation_id=link.id)
        if link.expires_at is None or (answer is None and link.expires_at <= work.now):
            raise SurveyClosed
    if survey.state != "live":
        raise SurveyClosed
    version = await version_of(work, survey.id, number)
    language = choose_language(accepted, languages_of(version), version.language)
    items = [] if answer is None else await _load_items(work, answer)
    return OpenedSurvey(survey, version, link, answer, items, language, _state(work, answer))


async def _find_link(work: UnitOfWork, token: str, *, for_update: bool) -> tables.SurveyInvitation | tables.SurveyLink:
    token_hash = hash_link_token(token)
    invitation = await work.find(tables.SurveyInvitation, for_update=for_update, token_hash=token_hash)
    if invitation is not None:
        return invitation
    link = await work.find(tables.SurveyLink, for_update=for_update, token_hash=token_hash)
    if link is None or link.revoked_at is not None:
        raise NotFound("The link is not valid.")
    return link


def _state(work: UnitOfWork, answer: tables.SurveyAnswer | None) -> SurveyFormState:
    if answer is None:
        return "open"
    return "answered" if work.now < answer.editable_until else "locked"


async def _load_items(work: UnitOfWork, answer: tables.SurveyAnswer) -> list[AnswerItem]:
    """Return stored answers."""
    return [
        AnswerItem(
            row.question,
            number=row.value,
            choices=tuple(row.choices) or None,
            text=(answer.texts or {}).get(row.question),
        )
        for row in await work.find_all(tables.QuestionScore, answer_id=answer.id, order_by="id")
    ]


def languages_of(version: tables.SurveyVersion) -> list[SurveyLanguage]:
    """Return the languages of a version: the one in which it is written, and those of its translations."""
    translated = [each["language"] for question in version.questions for each in question["translations"]]
    return list(dict.fromkeys([version.language, *translated]))


def to_form(opened: OpenedSurvey) -> SurveyForm:
    """Return the survey in its language, with the answers while they can be changed."""
    return SurveyForm(
        title=opened.version.name,
        language=opened.language,
        state=opened.state,
        questions=[_to_question(question, opened.language) for question in opened.version.questions],
        answers=[] if opened.state == "locked" else [to_answer(item) for item in opened.items],
        editable_until=None if opened.answer is None else opened.answer.editable_until,
        expires_at=None if opened.invitation is None else opened.invitation.expires_at,
    )


def to_answer(item: AnswerItem) -> SurveyFormAnswer:
    """Return the answer to a question as a response shows it."""
    choices = None if item.choices is None else list(item.choices)
    return SurveyFormAnswer(question=item.question, number=item.number, choices=choices, text=item.text)


def _to_question(question: QuestionDocument, language: SurveyLanguage) -> SurveyFormQuestion:
    lowest, highest = SCALES.get(question["kind"], (None, None))
    return SurveyFormQuestion(
        key=question["key"],
        kind=question["kind"],
        text=localized(question["text"], question["translations"], language),
        required=question["required"],
        scale_min=lowest,
        scale_max=highest,
        choices=[
            SurveyFormChoice(key=each["key"], text=localized(each["text"], each["translations"], language))
            for each in question["choices"]
        ],
    )
