"""Reverse points of refunds.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import enable_tenant_isolation
from chassis.db.tables import CURRENT_TENANT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Store refunds as they were received, and a program's policy for points that are already spent."""
    op.add_column("program", sa.Column("refund_policy", sa.Text(), server_default="debt", nullable=False))
    op.alter_column("program", "refund_policy", server_default=None)
    op.create_check_constraint(
        "ck_program_refund_policy", "program", "refund_policy in ('debt', 'within_balance', 'only_pending')"
    )
    op.create_table(
        "told_refund",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_told_refund"),
    )
    op.create_index("ix_told_refund_tenant_id_purchase_id", "told_refund", ["tenant_id", "purchase_id"])
    op.create_index("ix_earn_basis_tenant_id_purchase_id", "earn_basis", ["tenant_id", "purchase_id"])
    enable_tenant_isolation("told_refund", "loyalty", append_only=True)
