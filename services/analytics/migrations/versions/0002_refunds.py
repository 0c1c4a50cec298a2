"""Subtract refunds from the sums.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import enable_tenant_isolation
from chassis.db.tables import CURRENT_TENANT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the facts of refunds, and let the sums include a refund before its purchase."""
    op.create_table(
        "refund_fact",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_refund_fact"),
    )
    op.create_index(
        "ix_refund_fact_tenant_id_currency_refunded_at", "refund_fact", ["tenant_id", "currency", "refunded_at"]
    )
    enable_tenant_isolation("refund_fact", "analytics", append_only=True)
    op.alter_column("customer_value", "first_at", nullable=True)
    op.alter_column("customer_value", "last_at", nullable=True)
