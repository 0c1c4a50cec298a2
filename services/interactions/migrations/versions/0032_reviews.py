"""Reviews and posts of other platforms.

Revision ID: 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_tenant_table, worker_role

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Create the table of reviews. Their customer and their answer may change."""
    create_tenant_table(
        "review",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rating", postgresql.JSONB(), nullable=True),
        sa.Column("star_hundredths", sa.BigInteger(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("author_handle", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(answer is null) = (answered_at is null) and (answer is null) = (answered_by is null)",
            name=op.f("ck_review_answered"),
        ),
        sa.CheckConstraint("(rating is null) = (star_hundredths is null)", name=op.f("ck_review_rated")),
        sa.CheckConstraint("star_hundredths between 100 and 500", name=op.f("ck_review_stars")),
        sa.UniqueConstraint("tenant_id", "source", "source_id", name=op.f("uq_review_tenant_id_source_source_id")),
        append_only=True,
    )
    op.create_index(
        op.f("ix_review_tenant_id_author_handle_posted_at_id"),
        "review",
        ["tenant_id", "author_handle", "posted_at", "id"],
        postgresql_where=sa.text("author_handle is not null"),
    )
    op.create_index(
        op.f("ix_review_tenant_id_customer_id_posted_at_id"),
        "review",
        ["tenant_id", "customer_id", "posted_at", "id"],
        postgresql_where=sa.text("customer_id is not null"),
    )
    op.create_index(op.f("ix_review_tenant_id_posted_at_id"), "review", ["tenant_id", "posted_at", "id"])
    op.create_index(
        op.f("ix_review_tenant_id_sku_posted_at_id"),
        "review",
        ["tenant_id", "sku", "posted_at", "id"],
        postgresql_where=sa.text("sku is not null"),
    )
    op.execute(
        "create trigger reject_erased after insert on review referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
    op.execute(
        "grant update (customer_id, linked_at, answer, answered_by, answered_at) on review "
        f"to {api_role('interactions')}, {worker_role('interactions')}"
    )
