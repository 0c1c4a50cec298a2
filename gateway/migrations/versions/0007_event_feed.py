"""Keep the feed of events.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table, worker_role

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table of every tenant's events. The worker deletes those that are kept no longer."""
    create_tenant_table(
        "feed_event",
        "gateway",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant_id", "position", name=op.f("uq_feed_event_tenant_id_position")),
        append_only=True,
    )
    op.create_index(op.f("ix_feed_event_tenant_id_type_position"), "feed_event", ["tenant_id", "type", "position"])
    op.create_index(
        op.f("ix_feed_event_tenant_id_subject_position"), "feed_event", ["tenant_id", "subject", "position"]
    )
    op.execute(f"grant delete on feed_event to {worker_role('gateway')}")
