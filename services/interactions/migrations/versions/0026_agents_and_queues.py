"""Agents and queues.

Revision ID: 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create the profiles of agents, and the queues of cases."""
    create_tenant_table(
        "agent",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("skills", postgresql.JSONB(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("capacities", postgresql.JSONB(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("presence_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("presence in ('online', 'away', 'offline')", name=op.f("ck_agent_presence")),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_agent_capacity")),
        sa.UniqueConstraint("tenant_id", "agent_id", name=op.f("uq_agent_tenant_id_agent_id")),
        append_only=False,
    )
    op.create_index("ix_agent_tenant_id_presence_id", "agent", ["tenant_id", "presence", "id"])
    op.create_index("ix_agent_tenant_id_team_id", "agent", ["tenant_id", "team", "id"])
    create_tenant_table(
        "routing_queue",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("priorities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("required_skills", postgresql.JSONB(), nullable=False),
        sa.Column("relaxations", postgresql.JSONB(), nullable=False),
        sa.Column("requires_language", sa.Boolean(), nullable=False),
        sa.Column("overflow_queue_id", sa.Uuid(), nullable=True),
        sa.Column("overflow_after_minutes", sa.Integer(), nullable=True),
        sa.Column("wrap_up_seconds", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(overflow_queue_id is null) = (overflow_after_minutes is null)", name=op.f("ck_routing_queue_overflow")
        ),
        sa.CheckConstraint("overflow_queue_id <> id", name=op.f("ck_routing_queue_other")),
        sa.CheckConstraint("wrap_up_seconds >= 0", name=op.f("ck_routing_queue_wrap_up")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "overflow_queue_id"],
            ["routing_queue.tenant_id", "routing_queue.id"],
            name=op.f("fk_routing_queue_routing_queue"),
        ),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_routing_queue_tenant_id_name")),
        append_only=False,
    )
    op.create_index("ix_routing_queue_tenant_id_position_id", "routing_queue", ["tenant_id", "position", "id"])
    op.create_index(
        "ix_routing_queue_tenant_id_overflow_queue_id",
        "routing_queue",
        ["tenant_id", "overflow_queue_id"],
        postgresql_where=sa.text("overflow_queue_id is not null"),
    )
