"""Number the events of each membership, and store the order of a redemption.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns. The version has a default, so that processes of the former release can insert wallets."""
    op.add_column("wallet", sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("redemption", sa.Column("order_reference", sa.Text(), nullable=True))
