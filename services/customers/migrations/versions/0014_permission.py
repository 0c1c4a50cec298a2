"""Consent settings, receipts that expire or await confirmation, and the contacts that frequency caps count.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables, and let tenants have purposes and channels of their own."""
    for name in ("purpose", "channel", "decision"):
        op.drop_constraint(f"ck_consent_receipt_{name}", "consent_receipt")
    op.add_column("consent_receipt", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("consent_receipt", sa.Column("source_id", sa.Text(), nullable=True))
    op.add_column("consent_receipt", sa.Column("confirms_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        "ck_consent_receipt_decision", "consent_receipt", "decision in ('granted', 'withdrawn', 'pending')"
    )
    op.create_unique_constraint(
        "uq_consent_receipt_tenant_id_source_source_id", "consent_receipt", ["tenant_id", "source", "source_id"]
    )
    create_tenant_table(
        "consent_expiry",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_consent_expiry_customer",
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index("ix_consent_expiry_tenant_id_expires_at_id", "consent_expiry", ["tenant_id", "expires_at", "id"])
    create_tenant_table(
        "consent_settings",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purposes", postgresql.JSONB(), nullable=False),
        sa.Column("channels", postgresql.JSONB(), nullable=False),
        sa.Column("frequency_caps", postgresql.JSONB(), nullable=False),
        sa.Column("quiet_hours", postgresql.JSONB(), nullable=True),
        append_only=False,
    )
    create_tenant_table(
        "contact",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        append_only=False,
    )
    op.create_index(
        "ix_contact_tenant_id_customer_id_occurred_at", "contact", ["tenant_id", "customer_id", "occurred_at"]
    )
    op.create_index("ix_contact_tenant_id_occurred_at_id", "contact", ["tenant_id", "occurred_at", "id"])
