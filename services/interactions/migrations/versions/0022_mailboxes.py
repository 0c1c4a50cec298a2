"""Mailboxes.

Revision ID: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the table of mailboxes."""
    create_tenant_table(
        "mailbox",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("domains", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.UniqueConstraint("tenant_id", "address", name=op.f("uq_mailbox_tenant_id_address")),
        append_only=False,
    )
