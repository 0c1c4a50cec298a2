"""The events of answers. They have no texts, because those may name a person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Resource
from services.interactions.feedback.rules.surveys import QuestionKind, ScoreCategory, SubjectKind


class AnsweredScore(Resource):
    """A score of an answer, with its scale."""

    question: Annotated[str, Field(examples=["recommend"])]
    """The key of the question."""
    kind: QuestionKind
    """The kind of question: `nps`, `csat` or `ces`."""
    scale_min: int
    """The lowest score of the scale."""
    scale_max: int
    """The highest score of the scale."""
    score: int
    """The score."""
    category: ScoreCategory | None
    """Of NPS: promoter, passive or detractor. Of CSAT: detractor for 1 and 2. Otherwise null."""


class AnswerEvent(Event):
    """The fields of events of answers."""

    answer_id: UUID
    """The answer."""
    survey_id: UUID
    """The survey."""
    version_number: int
    """The version of the survey."""
    invitation_id: UUID | None
    """The invitation, or null for the link of a store."""
    customer_id: UUID | None
    """The customer, or null for the link of a store."""
    about_kind: SubjectKind | None
    """What the survey asked about: a case or a purchase, or null."""
    about_id: UUID | None
    """The case or the purchase, or null."""
    store: Annotated[str | None, Field(examples=["Amsterdam"])]
    """The store, or null."""
    agent_id: Annotated[str | None, Field(examples=["agent-7"])]
    """The employee, or null."""
    scores: list[AnsweredScore]
    """The scores. Texts and choices are read from the API."""

    @property
    def person_or_answer_id(self) -> UUID:
        """The customer, or the answer itself if it names none."""
        return self.customer_id or self.answer_id


class SurveyAnswered(AnswerEvent, type="interactions.survey_answered.v1", partition_key="person_or_answer_id"):
    """A survey was answered."""

    answered_at: datetime
    """When it was answered."""


class SurveyAnswerAmended(
    AnswerEvent, type="interactions.survey_answer_amended.v1", partition_key="person_or_answer_id"
):
    """The answers to a survey were changed. They replace those of the earlier events."""

    amended_at: datetime
    """When they were changed."""


class DetractorDetected(AnswerEvent, type="interactions.detractor_detected.v1", partition_key="person_or_answer_id"):
    """An answer has the score of a detractor: up to 6 of NPS, or up to 2 of CSAT. It is reported once for an answer."""

    detected_at: datetime
    """When it was detected."""
