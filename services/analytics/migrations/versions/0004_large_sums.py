"""Store sums that exceed a bigint.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change a customer's revenue to numeric. PostgreSQL rewrites the table, and keeps readers out meanwhile."""
    op.alter_column("customer_value", "revenue_minor", type_=sa.Numeric(), existing_type=sa.BigInteger())
