"""Refunds, touch points, and the timeline of all three.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, enable_tenant_isolation, worker_role
from chassis.db.tables import CURRENT_TENANT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create two tables that only grow, and a view."""
    op.create_table(
        "refund",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="ck_refund_amount_minor"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "purchase_id"], ["purchase.tenant_id", "purchase.id"], name="fk_refund_purchase"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_refund"),
        sa.UniqueConstraint("tenant_id", "source", "source_id", name="uq_refund_tenant_id_source_source_id"),
    )
    op.create_index("ix_refund_tenant_id_purchase_id", "refund", ["tenant_id", "purchase_id"])
    op.create_index(
        "ix_refund_tenant_id_customer_id_refunded_at_id", "refund", ["tenant_id", "customer_id", "refunded_at", "id"]
    )
    enable_tenant_isolation("refund", "interactions", append_only=True)
    op.create_table(
        "touch_point",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("author", postgresql.JSONB(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction in ('inbound', 'outbound')", name="ck_touch_point_direction"),
        sa.CheckConstraint("phase in ('before', 'during', 'after')", name="ck_touch_point_phase"),
        sa.CheckConstraint("customer_id is not null or author is not null", name="ck_touch_point_of_somebody"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_touch_point"),
        sa.UniqueConstraint("tenant_id", "source", "source_id", name="uq_touch_point_tenant_id_source_source_id"),
    )
    op.create_index(
        "ix_touch_point_tenant_id_customer_id_occurred_at_id",
        "touch_point",
        ["tenant_id", "customer_id", "occurred_at", "id"],
    )
    enable_tenant_isolation("touch_point", "interactions", append_only=True)
    # The view has the rights of its caller, so row-level security holds. Each part has its index in this order.
    op.execute(
        """
        create view timeline_entry with (security_invoker = true) as
            select tenant_id, id, customer_id, 'touch_point' as kind, occurred_at, channel, direction, subject,
                   null::bigint as amount_minor, null::text as currency
            from touch_point
            union all
            select tenant_id, id, customer_id, 'purchase', purchased_at, channel, null, store, total_minor, currency
            from purchase
            union all
            select tenant_id, id, customer_id, 'refund', refunded_at, null, null, null, -amount_minor, currency
            from refund
        """
    )
    op.execute(f"grant select on timeline_entry to {api_role('interactions')}, {worker_role('interactions')}")
