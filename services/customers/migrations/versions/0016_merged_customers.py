"""Merges of customers: where their rows belong, and which have moved.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import add_redirects, api_role, create_tenant_table, worker_role

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Keep merges, and let them move rows."""
    add_redirects("customers")
    op.add_column("customer", sa.Column("merged_into", sa.Uuid(), nullable=True))
    create_tenant_table(
        "merge",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=True),
        sa.Column("merged_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('active', 'undone')", name="ck_merge_state"),
        sa.CheckConstraint(
            "merged_state in ('active', 'blocked', 'ended', 'merged', 'erased')", name="ck_merge_merged_state"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"], name="fk_merge_customer"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merged_id"], ["customer.tenant_id", "customer.id"], name="fk_merge_merged"
        ),
        append_only=False,
    )
    op.create_index("ix_merge_tenant_id_created_at_id", "merge", ["tenant_id", "created_at", "id"])
    op.create_index("ix_merge_tenant_id_customer_id_number", "merge", ["tenant_id", "customer_id", "number"])
    op.create_index("ix_merge_tenant_id_merged_id_number", "merge", ["tenant_id", "merged_id", "number"])
    op.create_index(
        "uq_merge_active",
        "merge",
        ["tenant_id", "merged_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    # The content of a receipt never changes, but a merge moves it to the surviving customer.
    op.execute(f"grant update (customer_id) on consent_receipt to {api_role('customers')}, {worker_role('customers')}")
