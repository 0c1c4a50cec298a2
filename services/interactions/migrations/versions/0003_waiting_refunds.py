"""Store refunds that are sent before their purchase.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import enable_tenant_isolation
from chassis.db.tables import CURRENT_TENANT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table in which they wait."""
    op.create_table(
        "waiting_refund",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("purchase_source", sa.Text(), nullable=False),
        sa.Column("purchase_source_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'refused')", name="ck_waiting_refund_state"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_waiting_refund"),
        sa.UniqueConstraint("tenant_id", "source", "source_id", name="uq_waiting_refund_tenant_id_source_source_id"),
    )
    op.create_index(
        "ix_waiting_refund_tenant_id_purchase_source_purchase_source_id",
        "waiting_refund",
        ["tenant_id", "purchase_source", "purchase_source_id"],
    )
    enable_tenant_isolation("waiting_refund", "interactions")
