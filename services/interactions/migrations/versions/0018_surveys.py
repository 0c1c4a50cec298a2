"""Add surveys, their versions, invitations, links and answers.

Revision ID: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create the tables."""
    create_tenant_table(
        "survey",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("questions", postgresql.JSONB(), nullable=False),
        sa.Column("triggers", postgresql.JSONB(), nullable=False),
        sa.Column("edit_minutes", sa.Integer(), nullable=False),
        sa.Column("expires_days", sa.Integer(), nullable=False),
        sa.Column("opens_cases", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("is_service", sa.Boolean(), nullable=False),
        sa.Column("published_number", sa.Integer(), nullable=True),
        sa.CheckConstraint("language in ('en', 'nl', 'de', 'fr', 'es')", name=op.f("ck_survey_language")),
        sa.CheckConstraint("state in ('draft', 'live', 'ended')", name=op.f("ck_survey_state")),
        append_only=False,
    )
    op.create_index(op.f("ix_survey_tenant_id_state_id"), "survey", ["tenant_id", "state", "id"], unique=False)
    create_tenant_table(
        "survey_settings",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quarantine_days", sa.Integer(), nullable=False),
        append_only=False,
    )
    create_tenant_table(
        "survey_invitation",
        "interactions",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("thanked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("thanked_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'suppressed') = (reason is not null)", name=op.f("ck_survey_invitation_suppressed")
        ),
        sa.CheckConstraint(
            "reason in ('quarantine', 'not_permitted', 'survey_ended', 'customer_erased')",
            name=op.f("ck_survey_invitation_reason"),
        ),
        sa.CheckConstraint(
            "state in ('queued', 'sent', 'opened', 'answered', 'expired', 'suppressed')",
            name=op.f("ck_survey_invitation_state"),
        ),
        sa.CheckConstraint("about_kind in ('case', 'purchase')", name=op.f("ck_survey_invitation_about_kind")),
        sa.CheckConstraint("(about_kind is null) = (about_id is null)", name=op.f("ck_survey_invitation_subject")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "survey_id"], ["survey.tenant_id", "survey.id"], name=op.f("fk_survey_invitation_survey")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "survey_id",
            "about_kind",
            "about_id",
            name=op.f("uq_survey_invitation_tenant_id_survey_id_about_kind_about_id"),
        ),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("uq_survey_invitation_tenant_id_token_hash")),
        append_only=False,
    )
    op.create_index(
        "ix_survey_invitation_open",
        "survey_invitation",
        ["tenant_id", "expires_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('sent', 'opened')"),
    )
    op.create_index(
        "ix_survey_invitation_queued",
        "survey_invitation",
        ["tenant_id", "send_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        op.f("ix_survey_invitation_tenant_id_customer_id_sent_at_id"),
        "survey_invitation",
        ["tenant_id", "customer_id", "sent_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_survey_invitation_tenant_id_survey_id_id"),
        "survey_invitation",
        ["tenant_id", "survey_id", "id"],
        unique=False,
    )
    create_tenant_table(
        "survey_link",
        "interactions",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("answers_per_hour", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "survey_id"], ["survey.tenant_id", "survey.id"], name=op.f("fk_survey_link_survey")
        ),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("uq_survey_link_tenant_id_token_hash")),
        append_only=False,
    )
    op.create_index(
        op.f("ix_survey_link_tenant_id_survey_id_store"),
        "survey_link",
        ["tenant_id", "survey_id", "store"],
        unique=False,
    )
    create_tenant_table(
        "survey_version",
        "interactions",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("questions", postgresql.JSONB(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("language in ('en', 'nl', 'de', 'fr', 'es')", name=op.f("ck_survey_version_language")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "survey_id"], ["survey.tenant_id", "survey.id"], name=op.f("fk_survey_version_survey")
        ),
        sa.UniqueConstraint(
            "tenant_id", "survey_id", "number", name=op.f("uq_survey_version_tenant_id_survey_id_number")
        ),
        append_only=True,
    )
    create_tenant_table(
        "survey_answer",
        "interactions",
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("texts", postgresql.JSONB(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("detractor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("editable_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("about_kind in ('case', 'purchase')", name=op.f("ck_survey_answer_about_kind")),
        sa.CheckConstraint("(invitation_id is null) <> (link_id is null)", name=op.f("ck_survey_answer_origin")),
        sa.CheckConstraint("(link_id is null) = (customer_id is not null)", name=op.f("ck_survey_answer_anonymous")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invitation_id"],
            ["survey_invitation.tenant_id", "survey_invitation.id"],
            name=op.f("fk_survey_answer_survey_invitation"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "link_id"],
            ["survey_link.tenant_id", "survey_link.id"],
            name=op.f("fk_survey_answer_survey_link"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "survey_id"], ["survey.tenant_id", "survey.id"], name=op.f("fk_survey_answer_survey")
        ),
        sa.UniqueConstraint("tenant_id", "invitation_id", name=op.f("uq_survey_answer_tenant_id_invitation_id")),
        sa.UniqueConstraint(
            "tenant_id", "link_id", "submission_id", name=op.f("uq_survey_answer_tenant_id_link_id_submission_id")
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_survey_answer_tenant_id_customer_id_answered_at_id"),
        "survey_answer",
        ["tenant_id", "customer_id", "answered_at", "id"],
        unique=False,
        postgresql_where=sa.text("customer_id is not null"),
    )
    op.create_index(
        op.f("ix_survey_answer_tenant_id_link_id_answered_at"),
        "survey_answer",
        ["tenant_id", "link_id", "answered_at"],
        unique=False,
        postgresql_where=sa.text("link_id is not null"),
    )
    op.create_index(
        op.f("ix_survey_answer_tenant_id_survey_id_answered_at_id"),
        "survey_answer",
        ["tenant_id", "survey_id", "answered_at", "id"],
        unique=False,
    )
    create_tenant_table(
        "question_score",
        "interactions",
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scale_min", sa.Integer(), nullable=True),
        sa.Column("scale_max", sa.Integer(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("choices", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "kind in ('nps', 'csat', 'ces', 'single', 'multiple', 'text')", name=op.f("ck_question_score_kind")
        ),
        sa.CheckConstraint(
            "value is null or value between scale_min and scale_max", name=op.f("ck_question_score_value")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "answer_id"],
            ["survey_answer.tenant_id", "survey_answer.id"],
            name=op.f("fk_question_score_survey_answer"),
            ondelete="cascade",
        ),
        sa.UniqueConstraint(
            "tenant_id", "answer_id", "question", name=op.f("uq_question_score_tenant_id_answer_id_question")
        ),
        append_only=False,
    )
    for table in ("survey_invitation", "survey_answer"):
        op.execute(
            f"create trigger reject_erased after insert on {table} referencing new table as added "
            "for each statement execute function chassis.reject_erased()"
        )
