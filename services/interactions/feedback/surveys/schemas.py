"""Request and response bodies of surveys."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field, StrictBool, field_validator, model_validator

from chassis import Fields, Line, Lines, MergePatch, RequestBody, Resource, ShortLine, invalid
from services.interactions.feedback import tables
from services.interactions.feedback.rules.surveys import (
    CHOOSING,
    KEY_PATTERN,
    NO_CHOICES,
    REPEATED_CHOICE,
    REPEATED_QUESTION,
    SCALES,
    QuestionKind,
    SurveyLanguage,
    SurveyState,
)
from services.interactions.feedback.rules.triggers import CONDITIONS, UNKNOWN_FACT, TriggerEvent

Key = Annotated[str, Field(pattern=KEY_PATTERN, examples=["recommend"])]
Minutes = Annotated[int, Field(strict=True, ge=0, le=525_600)]
Days = Annotated[int, Field(strict=True, ge=1, le=366)]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
EXAMPLE_QUESTIONS = [
    {"key": "recommend", "kind": "nps", "text": "How likely are you to recommend us?", "required": True},
    {
        "key": "reason",
        "kind": "single",
        "text": "What matters most to you?",
        "choices": [{"key": "price", "text": "The price"}, {"key": "service", "text": "The service"}],
    },
    {"key": "comment", "kind": "text", "text": "What can we do better?"},
]


class TranslationFields(Fields):
    """A text in another language."""

    language: SurveyLanguage
    """The language."""
    text: Lines
    """The text in this language."""


class SurveyTranslationCreate(TranslationFields, RequestBody):
    """A text in another language."""


class SurveyTranslation(TranslationFields, Resource):
    """A text in another language."""


class ChoiceFields(Fields):
    """A choice of a question."""

    key: Key
    """Names the choice in answers and results."""
    text: Line
    """The text of the choice."""


class SurveyChoiceCreate(ChoiceFields, RequestBody):
    """A choice of a question."""

    translations: Annotated[list[SurveyTranslationCreate], Field(max_length=10)] = Field(default_factory=list)
    """The text in other languages."""


class SurveyChoice(ChoiceFields, Resource):
    """A choice of a question."""

    translations: list[SurveyTranslation]
    """The text in other languages."""


class QuestionFields(Fields):
    """A question of a survey."""

    key: Key
    """Names the question in answers and results. Keep it in later versions, so that their results are counted
    together."""
    kind: QuestionKind
    """`nps` takes a score from 0 to 10, `csat` from 1 to 5, `ces` from 1 to 7, `single` one choice, `multiple` any
    choices, and `text` a text."""
    text: Lines
    """The question."""
    required: StrictBool = False
    """Whether an answer is expected."""


class SurveyQuestionCreate(QuestionFields, RequestBody):
    """A question of a survey."""

    translations: Annotated[list[SurveyTranslationCreate], Field(max_length=10)] = Field(default_factory=list)
    """The question in other languages."""
    choices: Annotated[list[SurveyChoiceCreate], Field(max_length=50)] = Field(default_factory=list)
    """The choices of a `single` or `multiple` question, two at least."""

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        keys = [choice.key for choice in self.choices]
        if (self.kind in CHOOSING) != (len(keys) > 1):
            raise invalid(NO_CHOICES, "a single or multiple question has two choices or more, and no other has any")
        if len(set(keys)) < len(keys):
            raise invalid(REPEATED_CHOICE, "each choice needs a key of its own")
        return self


class SurveyQuestion(QuestionFields, Resource):
    """A question of a survey."""

    translations: list[SurveyTranslation]
    """The question in other languages."""
    choices: list[SurveyChoice]
    """The choices of a `single` or `multiple` question."""
    scale_min: int | None
    """The lowest score, or null for a question without scores."""
    scale_max: int | None
    """The highest score, or null for a question without scores."""


class TriggerConditionFields(Fields):
    """A condition of a trigger."""

    fact: ShortLine
    """`store` or `channel` of a purchase, `status` of an order, `kind` or `channel` of a case."""
    one_of: Annotated[list[Line], Field(min_length=1, max_length=100)]
    """The condition holds if the fact has one of these values."""


class TriggerConditionCreate(TriggerConditionFields, RequestBody):
    """A condition of a trigger."""


class TriggerCondition(TriggerConditionFields, Resource):
    """A condition of a trigger."""


class TriggerFields(Fields):
    """An event that invites a customer."""

    event: TriggerEvent
    """The event. An event of more than 30 days ago sends no invitation."""
    delay_minutes: Minutes = 0
    """How long after the event the invitation is sent."""
    sample_percent: Percent = 100
    """The share of cases or purchases that invite. The same one always gets the same decision."""
    channel: ShortLine = "email"
    """The channel of the invitation."""


class SurveyTriggerCreate(TriggerFields, RequestBody):
    """An event that invites a customer."""

    conditions: Annotated[list[TriggerConditionCreate], Field(max_length=10)] = Field(default_factory=list)
    """All of them must hold."""

    @model_validator(mode="after")
    def _check_facts(self) -> Self:
        known = CONDITIONS[self.event]
        if any(condition.fact not in known for condition in self.conditions):
            raise invalid(UNKNOWN_FACT, f"{self.event} has {', '.join(sorted(known))}")
        return self


class SurveyTrigger(TriggerFields, Resource):
    """An event that invites a customer."""

    conditions: list[TriggerCondition]
    """All of them must hold."""


def _require_unique_keys(questions: list[SurveyQuestionCreate] | None) -> list[SurveyQuestionCreate] | None:
    keys = [question.key for question in questions or []]
    if len(set(keys)) < len(keys):
        raise invalid(REPEATED_QUESTION, "each question needs a key of its own")
    return questions


class SurveyCreate(RequestBody):
    """A survey to create, as a draft."""

    example = {
        "name": "After your purchase",
        "questions": EXAMPLE_QUESTIONS,
        "triggers": [
            {
                "event": "purchase_recorded",
                "conditions": [{"fact": "store", "one_of": ["Amsterdam"]}],
                "delay_minutes": 1440,
                "sample_percent": 50,
            }
        ],
    }

    name: Line
    """The title that customers read."""
    language: SurveyLanguage = "en"
    """The language in which the texts are written."""
    questions: Annotated[list[SurveyQuestionCreate], Field(min_length=1, max_length=50)]
    """The questions in order."""
    triggers: Annotated[list[SurveyTriggerCreate], Field(max_length=20)] = Field(default_factory=list)
    """The events that invite customers. A subject is invited once, whichever triggers apply."""
    edit_minutes: Minutes = 60
    """How long an answer can be changed. 0: not at all."""
    expires_days: Days = 30
    """How long the link of an invitation is valid."""
    opens_cases: StrictBool = True
    """Whether the answer of a detractor opens a case."""
    purpose: ShortLine = "survey"
    """The purpose that a customer must permit for an invitation by message."""
    is_service: StrictBool = False
    """Whether invitations are service messages, which need no permission."""

    _check_keys = field_validator("questions")(_require_unique_keys)


class SurveyUpdate(MergePatch):
    """Fields to change. Lists are replaced. Name and questions change the draft: published versions stay."""

    example = {"edit_minutes": 30, "opens_cases": False}
    never_null: ClassVar[frozenset[str]] = frozenset(
        (
            "name",
            "language",
            "questions",
            "triggers",
            "edit_minutes",
            "expires_days",
            "opens_cases",
            "purpose",
            "is_service",
        )
    )

    name: Line | None = None
    """The title that customers read."""
    language: SurveyLanguage | None = None
    """The language in which the texts are written."""
    questions: Annotated[list[SurveyQuestionCreate], Field(min_length=1, max_length=50)] | None = None
    """The questions in order."""
    triggers: Annotated[list[SurveyTriggerCreate], Field(max_length=20)] | None = None
    """The events that invite customers."""
    edit_minutes: Minutes | None = None
    """How long an answer can be changed. 0: not at all."""
    expires_days: Days | None = None
    """How long the link of an invitation is valid."""
    opens_cases: StrictBool | None = None
    """Whether the answer of a detractor opens a case."""
    purpose: ShortLine | None = None
    """The purpose that a customer must permit for an invitation by message."""
    is_service: StrictBool | None = None
    """Whether invitations are service messages, which need no permission."""

    _check_keys = field_validator("questions")(_require_unique_keys)


class Survey(Resource, row=tables.Survey, computed=("questions", "triggers"), etag="version"):
    """A survey."""

    id: UUID
    """Identifies the survey."""
    version: int
    """Counts the changes. It is the ETag."""
    name: str
    """The title that customers read."""
    state: SurveyState
    """`draft` until it is published, then `live`, and at last `ended`."""
    language: SurveyLanguage
    """The language in which the texts are written."""
    questions: list[SurveyQuestion]
    """The questions of the draft, which the next publication makes a version."""
    triggers: list[SurveyTrigger]
    """The events that invite customers."""
    edit_minutes: int
    """How long an answer can be changed. 0: not at all."""
    expires_days: int
    """How long the link of an invitation is valid."""
    opens_cases: bool
    """Whether the answer of a detractor opens a case."""
    purpose: str
    """The purpose that a customer must permit for an invitation by message."""
    is_service: bool
    """Whether invitations are service messages, which need no permission."""
    published_number: int | None
    """The number of the version that customers answer, or null for a draft."""
    created_at: datetime
    """When the survey was created."""
    updated_at: datetime
    """When the survey last changed."""

    @classmethod
    def of(cls, row: tables.Survey) -> Self:
        """Return a survey as stored."""
        return cls.from_row(row, questions=questions_of(row.questions), triggers=row.triggers)


class PublishedSurvey(Resource, row=tables.SurveyVersion, computed=("questions",)):
    """A published version of a survey. It never changes."""

    id: UUID
    """Identifies the version."""
    survey_id: UUID
    """The survey."""
    number: int
    """The number of the version, from 1."""
    name: str
    """The title that customers read."""
    language: SurveyLanguage
    """The language in which the texts are written."""
    questions: list[SurveyQuestion]
    """The questions in order."""
    published_at: datetime
    """When it was published."""

    @classmethod
    def of(cls, row: tables.SurveyVersion) -> Self:
        """Return a version as stored."""
        return cls.from_row(row, questions=questions_of(row.questions))


def questions_of(documents: Any) -> list[Any]:
    """Return stored questions with their scales."""
    scales = [SCALES.get(document["kind"], (None, None)) for document in documents]
    return [
        {**document, "scale_min": scale[0], "scale_max": scale[1]}
        for document, scale in zip(documents, scales, strict=True)
    ]
