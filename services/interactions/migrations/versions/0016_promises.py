"""Promises to customers.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table of promises, with an index for each list and each periodic task."""
    create_tenant_table(
        "promise",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("made_by_kind", sa.Text(), nullable=False),
        sa.Column("made_by_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_when", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("first_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_before_seconds", sa.Integer(), nullable=False),
        sa.Column("warns_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("replaced_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("made_by_kind in ('agent', 'case', 'order')", name=op.f("ck_promise_made_by_kind")),
        sa.CheckConstraint("state in ('open', 'kept', 'broken', 'withdrawn')", name=op.f("ck_promise_state")),
        sa.CheckConstraint("owner_id is not null or team is not null", name=op.f("ck_promise_owned")),
        sa.CheckConstraint("due_at > made_at", name=op.f("ck_promise_due")),
        sa.CheckConstraint("state <> 'kept' or coalesce(done_at <= due_at, false)", name=op.f("ck_promise_kept")),
        sa.CheckConstraint("state not in ('open', 'withdrawn') or done_at is null", name=op.f("ck_promise_not_done")),
        sa.CheckConstraint("(state = 'broken') = (broken_at is not null)", name=op.f("ck_promise_broken")),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at is not null)", name=op.f("ck_promise_withdrawn")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaced_by_id"], ["promise.tenant_id", "promise.id"], name=op.f("fk_promise_promise")
        ),
        append_only=False,
    )
    for columns, where in (
        (("customer_id", "due_at", "id"), None),
        (("owner_id", "due_at", "id"), "owner_id is not null"),
        (("team", "due_at", "id"), "team is not null"),
        (("made_by_id", "due_at", "id"), None),
        (("due_at", "id"), None),
        (("created_at", "id"), None),
        (("replaced_by_id",), "replaced_by_id is not null"),
        (("warns_at", "id"), "warns_at is not null"),
    ):
        condition = None if where is None else sa.text(where)
        name = f"ix_promise_tenant_id_{'_'.join(columns)}"
        op.create_index(name, "promise", ["tenant_id", *columns], postgresql_where=condition)
    op.create_index(
        "ix_promise_open", "promise", ["tenant_id", "due_at", "id"], postgresql_where=sa.text("state = 'open'")
    )
    op.execute(
        "create trigger reject_erased after insert on promise referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
