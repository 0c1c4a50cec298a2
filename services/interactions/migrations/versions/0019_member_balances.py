"""The points of memberships, for the agent card.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table of balances."""
    create_tenant_table(
        "member_balance",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        append_only=False,
    )
    op.create_index("ix_member_balance_tenant_id_customer_id", "member_balance", ["tenant_id", "customer_id"])
