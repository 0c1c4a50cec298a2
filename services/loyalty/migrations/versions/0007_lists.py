"""Lists of redemptions and of memberships, sorted by time.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the indexes in whose order the lists are read."""
    op.create_index("ix_membership_tenant_id_joined_at_id", "membership", ["tenant_id", "joined_at", "id"])
    op.create_index("ix_redemption_tenant_id_created_at_id", "redemption", ["tenant_id", "created_at", "id"])
    op.create_index(
        "ix_redemption_tenant_id_membership_id_created_at_id",
        "redemption",
        ["tenant_id", "membership_id", "created_at", "id"],
    )
