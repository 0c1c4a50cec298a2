"""Merged customers: where their memberships and points belong.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import api_role, worker_role

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Let merges move memberships and points."""
    op.add_column("membership", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("membership", sa.Column("debt_moved", sa.Numeric(), nullable=False, server_default="0"))
    op.add_column("wallet", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.add_column("earn_basis", sa.Column("customer_id", sa.Uuid(), nullable=True))
    op.drop_constraint("ck_membership_state", "membership")
    op.create_check_constraint("ck_membership_state", "membership", "state in ('active', 'left', 'merged')")
    op.drop_index("uq_membership_current", "membership")
    op.create_index(
        "uq_membership_current",
        "membership",
        ["tenant_id", "program_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    logins = f"{api_role('loyalty')}, {worker_role('loyalty')}"
    # These never change otherwise, but a merge moves them to another membership.
    for table in ("earn_basis", "points_adjustment"):
        op.execute(f"grant update (membership_id) on {table} to {logins}")
    op.execute(f"grant update (lot_id) on lot_allocation to {logins}")
