"""De-selections.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table of de-selections."""
    create_tenant_table(
        "deselection",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("treatment", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("notice_channel", sa.Text(), nullable=True),
        sa.Column("takes_effect_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal_reason", sa.Text(), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal_decided_by", sa.Text(), nullable=True),
        sa.Column("appeal_decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("treatment in ('repricing', 'self_service', 'end')", name=op.f("ck_deselection_treatment")),
        sa.CheckConstraint(
            "state in ('proposed', 'approved', 'in_effect', 'appealed', 'rejected', 'reversed', 'expired')",
            name=op.f("ck_deselection_state"),
        ),
        sa.CheckConstraint(
            "notice_channel in ('email', 'phone', 'post', 'in_person')", name=op.f("ck_deselection_notice_channel")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_deselection_decided_by_another")
        ),
        sa.CheckConstraint(
            "state not in ('approved', 'in_effect') or notice_channel is not null",
            name=op.f("ck_deselection_never_silent"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_deselection_customer"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_deselection_tenant_id_created_at_id"), "deselection", ["tenant_id", "created_at", "id"])
    op.create_index(op.f("ix_deselection_tenant_id_customer_id"), "deselection", ["tenant_id", "customer_id"])
    op.create_index(
        "uq_deselection_open",
        "deselection",
        ["tenant_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("state in ('proposed', 'approved', 'in_effect', 'appealed')"),
    )
    op.create_index(
        "ix_deselection_due",
        "deselection",
        ["tenant_id", "id"],
        postgresql_where=sa.text("state in ('proposed', 'approved', 'in_effect')"),
    )
