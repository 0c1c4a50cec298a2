"""The form of a survey, as the holder of a link sees it, and the answers that the holder sends."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from chassis import Fields, MultilineText, RequestBody, Resource
from services.interactions.feedback.rules.surveys import KEY_PATTERN, MAX_TEXT, QuestionKind, SurveyLanguage

SurveyFormState = TypeAliasType("SurveyFormState", Literal["open", "answered", "locked"])
Key = Annotated[str, Field(pattern=KEY_PATTERN, examples=["recommend"])]


class AnswerFields(Fields):
    """The answer to a question."""

    question: Key
    """The key of the question."""
    number: int | None = None
    """The score, for a question of the kind `nps`, `csat` or `ces`."""
    choices: list[Key] | None = None
    """The keys of the choices, for `single` and `multiple`."""
    text: str | None = None
    """The text, for `text`."""


class SurveyFormAnswerCreate(AnswerFields, RequestBody):
    """The answer to a question: exactly one of `number`, `choices` and `text`."""

    number: Annotated[int, Field(strict=True)] | None = None
    """The score, for a question of the kind `nps`, `csat` or `ces`."""
    choices: Annotated[list[Key], Field(max_length=50)] | None = None
    """The keys of the choices, for `single` and `multiple`."""
    text: Annotated[MultilineText, Field(max_length=MAX_TEXT)] | None = None
    """The text, for `text`."""


class SurveyFormAnswer(AnswerFields, Resource):
    """The answer to a question."""


class SurveyAnswersUpdate(RequestBody):
    """All answers. They replace those that were sent before."""

    example = {"answers": [{"question": "recommend", "number": 9}, {"question": "comment", "text": "Good tea."}]}

    answers: Annotated[list[SurveyFormAnswerCreate], Field(max_length=50)]
    """The answers. Leave out a question that is not answered."""
    submission_id: UUID | None = None
    """For the link of a store: identifies the answers, so that a repeat is stored once. Any new UUID."""


class SurveyFormChoice(Resource):
    """A choice of a question."""

    key: Key
    """Names the choice in the answer."""
    text: str
    """The text of the choice."""


class SurveyFormQuestion(Resource):
    """A question of a survey, in the language of the form."""

    key: Key
    """Names the question in the answer."""
    kind: QuestionKind
    """The kind of question."""
    text: str
    """The question."""
    required: bool
    """Whether an answer is expected."""
    scale_min: int | None
    """The lowest score, or null for a question without scores."""
    scale_max: int | None
    """The highest score, or null for a question without scores."""
    choices: list[SurveyFormChoice]
    """The choices of a `single` or `multiple` question."""


class SurveyForm(Resource):
    """A survey, as the holder of a link sees it. It contains nothing about the customer."""

    title: str
    """The title of the survey."""
    language: SurveyLanguage
    """The language of the texts."""
    state: SurveyFormState
    """`open`, `answered` while the answers can be changed, or `locked`."""
    questions: list[SurveyFormQuestion]
    """The questions in order."""
    answers: list[SurveyFormAnswer]
    """The answers, while they can be changed."""
    editable_until: datetime | None
    """Until when the answers can be changed, or null."""
    expires_at: datetime | None
    """When the link expires, or null for the link of a store."""
