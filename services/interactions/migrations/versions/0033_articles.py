"""Articles, their versions, and whom they have helped.

Revision ID: 0033
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Create the tables of articles. Their versions are never changed."""
    create_tenant_table(
        "article",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("causes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("solved", sa.BigInteger(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('draft', 'published', 'retired')", name=op.f("ck_article_state")),
        sa.CheckConstraint("solved >= 0 and revision > 0", name=op.f("ck_article_counts")),
        sa.CheckConstraint("state <> 'published' or published_at is not null", name=op.f("ck_article_published")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "suggestion_id"],
            ["suggestion.tenant_id", "suggestion.id"],
            name=op.f("fk_article_suggestion"),
        ),
        sa.UniqueConstraint("tenant_id", "suggestion_id", name=op.f("uq_article_tenant_id_suggestion_id")),
        append_only=False,
    )
    op.create_index(op.f("ix_article_tenant_id_created_at_id"), "article", ["tenant_id", "created_at", "id"])
    op.create_index(op.f("ix_article_tenant_id_solved_id"), "article", ["tenant_id", "solved", "id"])
    op.create_index(op.f("ix_article_tenant_id_state_solved_id"), "article", ["tenant_id", "state", "solved", "id"])
    create_tenant_table(
        "article_version",
        "interactions",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "article_id"], ["article.tenant_id", "article.id"], name=op.f("fk_article_version_article")
        ),
        sa.UniqueConstraint(
            "tenant_id", "article_id", "revision", name=op.f("uq_article_version_tenant_id_article_id_revision")
        ),
        append_only=True,
    )
    create_tenant_table(
        "article_solution",
        "interactions",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("solver", sa.Text(), nullable=False),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(case_id is null) <> (customer_id is null)", name=op.f("ck_article_solution_solver")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "article_id"], ["article.tenant_id", "article.id"], name=op.f("fk_article_solution_article")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "case_id"],
            ["support_case.tenant_id", "support_case.id"],
            name=op.f("fk_article_solution_support_case"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "article_id", "solver", name=op.f("uq_article_solution_tenant_id_article_id_solver")
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_article_solution_tenant_id_case_id"),
        "article_solution",
        ["tenant_id", "case_id"],
        postgresql_where=sa.text("case_id is not null"),
    )
    op.create_index(
        op.f("ix_article_solution_tenant_id_customer_id"),
        "article_solution",
        ["tenant_id", "customer_id"],
        postgresql_where=sa.text("customer_id is not null"),
    )
    op.execute(
        "create trigger reject_erased after insert on article_solution referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
