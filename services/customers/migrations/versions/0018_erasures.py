"""Erasures.

Revision ID: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import add_erasure, create_tenant_table

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create the tables of erasures, and let a record be erased."""
    add_erasure("customers")
    op.add_column("customer", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        op.f("ix_customer_tenant_id_merged_into"),
        "customer",
        ["tenant_id", "merged_into"],
        postgresql_where=sa.text("merged_into is not null"),
    )
    create_tenant_table(
        "erasure",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("customer_ids", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reason in ('requested', 'consent_withdrawn', 'objection', 'no_longer_needed', 'unlawful', "
            "'legal_obligation', 'other')",
            name=op.f("ck_erasure_reason"),
        ),
        sa.CheckConstraint(
            "state in ('requested', 'erasing', 'completed', 'cancelled')", name=op.f("ck_erasure_state")
        ),
        sa.CheckConstraint(
            "(state = 'erasing') = (retry_at is not null)", name=op.f("ck_erasure_retried_while_erasing")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"], name=op.f("fk_erasure_customer")
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_erasure_tenant_id_created_at_id"), "erasure", ["tenant_id", "created_at", "id"])
    op.create_index(
        "uq_erasure_open",
        "erasure",
        ["tenant_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("state in ('requested', 'erasing')"),
    )
    op.create_index(
        "ix_erasure_due", "erasure", ["tenant_id", "due_at"], postgresql_where=sa.text("state = 'requested'")
    )
    op.create_index(
        "ix_erasure_retry", "erasure", ["tenant_id", "retry_at"], postgresql_where=sa.text("state = 'erasing'")
    )
    create_tenant_table(
        "erasure_answer",
        "customers",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("tables", postgresql.JSONB(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "erasure_id"],
            ["erasure.tenant_id", "erasure.id"],
            name=op.f("fk_erasure_answer_erasure"),
            ondelete="cascade",
        ),
        sa.UniqueConstraint(
            "tenant_id", "erasure_id", "service", name=op.f("uq_erasure_answer_tenant_id_erasure_id_service")
        ),
        append_only=False,
    )
