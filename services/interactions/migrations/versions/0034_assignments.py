"""Cases that wait for an agent, and assignments.

Revision ID: 0034
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Create the tables of waiting cases and of assignments."""
    create_tenant_table(
        "queued_case",
        "interactions",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("left_agent_id", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("priority in ('low', 'normal', 'high', 'urgent')", name=op.f("ck_queued_case_priority")),
        _of_a_case("queued_case"),
        _of_a_queue("queued_case"),
        sa.UniqueConstraint("tenant_id", "case_id", name=op.f("uq_queued_case_tenant_id_case_id")),
        append_only=False,
    )
    create_tenant_table(
        "case_assignment",
        "interactions",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrap_up_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrap_up_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("decision", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "origin in ('dispatched', 'claimed', 'transferred', 'by_hand')", name=op.f("ck_case_assignment_origin")
        ),
        sa.CheckConstraint("state in ('active', 'wrap_up', 'ended')", name=op.f("ck_case_assignment_state")),
        sa.CheckConstraint(
            "ended_because in ('resolved', 'wrapped_up', 'reassigned', 'unassigned', 'transferred')",
            name=op.f("ck_case_assignment_ended_because"),
        ),
        sa.CheckConstraint("state <> 'wrap_up' or wrap_up_until is not null", name=op.f("ck_case_assignment_wrap_up")),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at is not null) and (ended_at is null) = (ended_because is null)",
            name=op.f("ck_case_assignment_ended"),
        ),
        _of_a_case("case_assignment"),
        _of_a_queue("case_assignment"),
        append_only=False,
    )
    for table, columns in (
        ("queued_case", ("rank", "id")),
        ("queued_case", ("queue_id", "rank", "id")),
        ("case_assignment", ("case_id", "id")),
        ("case_assignment", ("agent_id", "id")),
        ("case_assignment", ("queue_id", "id")),
    ):
        op.create_index(f"ix_{table}_tenant_id_{'_'.join(columns)}", table, ["tenant_id", *columns])
    _index_open_assignments()


def _index_open_assignments() -> None:
    """Allow a case one open assignment, and index those that take capacity."""
    is_open = sa.text("state <> 'ended'")
    op.create_index(
        "uq_case_assignment_open", "case_assignment", ["tenant_id", "case_id"], unique=True, postgresql_where=is_open
    )
    op.create_index(
        "ix_case_assignment_load", "case_assignment", ["tenant_id", "agent_id", "channel"], postgresql_where=is_open
    )
    op.create_index(
        "ix_case_assignment_tenant_id_wrap_up_until_id",
        "case_assignment",
        ["tenant_id", "wrap_up_until", "id"],
        postgresql_where=sa.text("state = 'wrap_up'"),
    )


def _of_a_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "case_id"],
        ["support_case.tenant_id", "support_case.id"],
        name=op.f(f"fk_{table}_support_case"),
        ondelete="cascade",
    )


def _of_a_queue(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "queue_id"],
        ["routing_queue.tenant_id", "routing_queue.id"],
        name=op.f(f"fk_{table}_routing_queue"),
    )
