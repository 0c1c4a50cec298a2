"""Surveys, their versions, invitations, links and answers."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import Person, Versioned, belongs_to, check, choice, document, index, text_list, timestamp, unique
from services.interactions.base import Base
from services.interactions.feedback.rules.surveys import (
    InvitationState,
    QuestionDocument,
    QuestionKind,
    SubjectKind,
    SuppressionReason,
    SurveyLanguage,
    SurveyState,
)
from services.interactions.feedback.rules.triggers import TriggerDocument


class Survey(Versioned, Base, table=True):
    """A survey: its draft, its settings, and the number of its published version."""

    __tablename__ = "survey"
    __table_args__ = (index("state", "id"),)
    audited: ClassVar[bool] = True

    name: str
    state: SurveyState = choice(SurveyState, "state", default="draft")
    language: SurveyLanguage = choice(SurveyLanguage, "language", default="en")
    questions: list[QuestionDocument] = document()
    triggers: list[TriggerDocument] = document(default_factory=list)
    edit_minutes: int
    expires_days: int
    opens_cases: bool
    purpose: str
    is_service: bool
    published_number: int | None = None


class SurveyVersion(Base, table=True):
    """A published version of a survey's questions. It never changes, and answers keep theirs."""

    __tablename__ = "survey_version"
    __table_args__ = (belongs_to("survey_id", "survey"), unique("survey_id", "number"))

    survey_id: UUID
    number: int
    name: str
    language: SurveyLanguage = choice(SurveyLanguage, "language")
    questions: list[QuestionDocument] = document()
    published_at: datetime = timestamp()


class SurveySettings(Versioned, Base, table=True):
    """The settings of all surveys of a tenant. The id is the tenant's."""

    __tablename__ = "survey_settings"
    audited: ClassVar[bool] = True

    quarantine_days: int = 0


class SurveyInvitation(Base, table=True):
    """An invitation of a customer to a survey, once for each subject. The hash of its token is stored when it is sent.

    An erasure removes the hash, so that the link is no longer valid.
    """

    __tablename__ = "survey_invitation"
    __table_args__ = (
        belongs_to("survey_id", "survey"),
        unique("token_hash"),
        unique("survey_id", "about_kind", "about_id"),
        index("customer_id", "sent_at", "id"),
        index("survey_id", "id"),
        index("send_at", "id", name="ix_survey_invitation_queued", postgresql_where=text("state = 'queued'")),
        index(
            "expires_at", "id", name="ix_survey_invitation_open", postgresql_where=text("state in ('sent', 'opened')")
        ),
        check("suppressed", "(state = 'suppressed') = (reason is not null)"),
        check("subject", "(about_kind is null) = (about_id is null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    survey_id: UUID
    version_number: int | None = None
    customer_id: UUID
    about_kind: SubjectKind | None = choice(SubjectKind, "about_kind", default=None)
    about_id: UUID | None = None
    channel: str
    store: str | None
    agent_id: str | None
    state: InvitationState = choice(InvitationState, "state", default="queued")
    reason: SuppressionReason | None = choice(SuppressionReason, "reason", default=None)
    token_hash: bytes | None = None
    send_at: datetime = timestamp()
    sent_at: datetime | None = timestamp(nullable=True, default=None)
    opened_at: datetime | None = timestamp(nullable=True, default=None)
    expires_at: datetime | None = timestamp(nullable=True, default=None)
    thanked_at: datetime | None = timestamp(nullable=True, default=None)
    thanked_by: str | None = None
    created_at: datetime = timestamp()
    created_by: str


class SurveyLink(Base, table=True):
    """A link to a survey for all visitors of a store. Its answers name no customer."""

    __tablename__ = "survey_link"
    __table_args__ = (belongs_to("survey_id", "survey"), unique("token_hash"), index("survey_id", "store"))

    survey_id: UUID
    store: str
    answers_per_hour: int
    token_hash: bytes
    revoked_at: datetime | None = timestamp(nullable=True, default=None)
    created_at: datetime = timestamp()
    created_by: str


class SurveyAnswer(Base, table=True):
    """The answers of a person to a version of a survey. An erasure removes the texts and keeps the scores."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        belongs_to("survey_id", "survey"),
        belongs_to("invitation_id", "survey_invitation"),
        belongs_to("link_id", "survey_link"),
        unique("invitation_id"),
        unique("link_id", "submission_id"),
        index("survey_id", "answered_at", "id"),
        index("customer_id", "answered_at", "id", postgresql_where=text("customer_id is not null")),
        index("link_id", "answered_at", postgresql_where=text("link_id is not null")),
        check("origin", "(invitation_id is null) <> (link_id is null)"),
        check("anonymous", "(link_id is null) = (customer_id is not null)"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="anonymise", cleared=("texts", "content_hash")),)

    survey_id: UUID
    version_number: int
    invitation_id: UUID | None = None
    link_id: UUID | None = None
    submission_id: UUID | None = None
    customer_id: UUID | None = None
    about_kind: SubjectKind | None = choice(SubjectKind, "about_kind", default=None)
    about_id: UUID | None = None
    store: str | None = None
    agent_id: str | None = None
    texts: dict[str, str] | None = document(default=None)
    content_hash: str | None = None
    detractor_at: datetime | None = timestamp(nullable=True, default=None)
    case_id: UUID | None = None
    answered_at: datetime = timestamp()
    amended_at: datetime | None = timestamp(nullable=True, default=None)
    editable_until: datetime = timestamp()


class QuestionScore(Base, table=True):
    """The answer to a question: a score with its scale, or choices. Its text is in the row of all answers."""

    __tablename__ = "question_score"
    __table_args__ = (
        belongs_to("answer_id", "survey_answer", cascade=True),
        unique("answer_id", "question"),
        check("value", "value is null or value between scale_min and scale_max"),
    )

    answer_id: UUID
    question: str
    kind: QuestionKind = choice(QuestionKind, "kind")
    scale_min: int | None
    scale_max: int | None
    value: int | None
    choices: list[str] = text_list()
