"""Tasks of agents and teams.

Revision ID: 0017
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table of tasks, with an index for each list and for the periodic task."""
    create_tenant_table(
        "task",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_when", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("announces_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.Column("cause_kind", sa.Text(), nullable=True),
        sa.Column("cause_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "about_kind in ('case', 'deal', 'purchase', 'promise', 'reference')", name=op.f("ck_task_about_kind")
        ),
        sa.CheckConstraint("priority in ('low', 'normal', 'high', 'urgent')", name=op.f("ck_task_priority")),
        sa.CheckConstraint("state in ('open', 'in_progress', 'done', 'cancelled')", name=op.f("ck_task_state")),
        sa.CheckConstraint("(about_kind is null) = (about_id is null)", name=op.f("ck_task_about")),
        sa.CheckConstraint("(cause_kind is null) = (cause_id is null)", name=op.f("ck_task_cause")),
        sa.CheckConstraint("(state = 'done') = (done_at is not null)", name=op.f("ck_task_done")),
        sa.CheckConstraint("(state = 'cancelled') = (cancelled_at is not null)", name=op.f("ck_task_cancelled")),
        sa.CheckConstraint("state <> 'in_progress' or owner_id is not null", name=op.f("ck_task_in_progress")),
        sa.UniqueConstraint("tenant_id", "cause_kind", "cause_id", name=op.f("uq_task_tenant_id_cause_kind_cause_id")),
        append_only=False,
    )
    for columns, where in (
        (("customer_id", "created_at", "id"), "customer_id is not null"),
        (("owner_id", "created_at", "id"), "owner_id is not null"),
        (("team", "created_at", "id"), "team is not null"),
        (("about_id", "created_at", "id"), "about_id is not null"),
        (("due_at", "id"), "due_at is not null"),
        (("created_at", "id"), None),
        (("announces_at", "id"), "announces_at is not null"),
    ):
        condition = None if where is None else sa.text(where)
        name = f"ix_task_tenant_id_{'_'.join(columns)}"
        op.create_index(name, "task", ["tenant_id", *columns], postgresql_where=condition)
    op.execute(
        "create trigger reject_erased after insert on task referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
