"""The settings of cases, and their mediator.

Revision ID: 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the table of settings, and keep when a mediator was called."""
    create_tenant_table(
        "case_settings",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("categories", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("causes", postgresql.JSONB(), nullable=False),
        sa.Column("remedies", postgresql.JSONB(), nullable=False),
        sa.Column("reopen_days", sa.Integer(), nullable=True),
        sa.Column("mediator_after", sa.Integer(), nullable=True),
        append_only=False,
    )
    op.add_column("support_case", sa.Column("mediator_called_at", sa.DateTime(timezone=True), nullable=True))
