"""Lots in the order in which they activate, and in the order in which they are spent and expire.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the indexes by which an operation finds the few lots that it changes."""
    op.create_index(
        "ix_lot_pending",
        "lot",
        ["tenant_id", "membership_id", "activates_at", "id"],
        postgresql_where=sa.text("pending > 0"),
    )
    op.create_index(
        "ix_lot_spend_order",
        "lot",
        ["tenant_id", "membership_id", "expires_at", "activates_at", "id"],
        postgresql_where=sa.text("remaining > 0"),
    )
    op.drop_index("ix_lot_open", "lot")
