"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_chassis_tables, enable_tenant_isolation

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the chassis' tables and this service's own."""
    create_chassis_tables("analytics")
    op.create_table(
        "customer_value",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purchases", sa.BigInteger(), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_customer_value"),
        sa.UniqueConstraint(
            "tenant_id", "currency", "customer_id", name="uq_customer_value_tenant_id_currency_customer_id"
        ),
    )
    op.create_table(
        "purchase_fact",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purchased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_purchase_fact"),
    )
    op.create_index(
        "ix_purchase_fact_tenant_id_currency_purchased_at",
        "purchase_fact",
        ["tenant_id", "currency", "purchased_at"],
        unique=False,
    )

    enable_tenant_isolation("purchase_fact", "analytics", append_only=True)
    enable_tenant_isolation("customer_value", "analytics")
