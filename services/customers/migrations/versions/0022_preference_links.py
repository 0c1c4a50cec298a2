"""Links to the preference centre.

Revision ID: 0022
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the table of links."""
    create_tenant_table(
        "preference_link",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("confirms_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_preference_link_customer",
            ondelete="cascade",
        ),
        sa.UniqueConstraint("tenant_id", "token_hash", name="uq_preference_link_tenant_id_token_hash"),
        append_only=False,
    )
    op.create_index("ix_preference_link_tenant_id_customer_id", "preference_link", ["tenant_id", "customer_id"])
    op.create_index("ix_preference_link_tenant_id_expires_at_id", "preference_link", ["tenant_id", "expires_at", "id"])
