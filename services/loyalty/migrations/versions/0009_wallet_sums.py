"""Store the sums of a wallet without a limit.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Change the buckets to numeric. PostgreSQL rewrites the table once, and keeps readers out meanwhile."""
    op.execute(
        """
        alter table wallet
            alter column pending type numeric, alter column available type numeric,
            alter column reserved type numeric, alter column debt type numeric
        """
    )
