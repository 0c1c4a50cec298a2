"""Record what imports change.

Revision ID: 0028
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the table."""
    create_tenant_table(
        "import_change",
        "customers",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("relation_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('created', 'updated')", name="ck_import_change_kind"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_import_change_customer",
            ondelete="CASCADE",
        ),
        append_only=False,
    )
    op.create_index("ix_import_change_tenant_id_customer_id", "import_change", ["tenant_id", "customer_id"])
    op.create_index(
        "ix_import_change_tenant_id_job_id_customer_id_row",
        "import_change",
        ["tenant_id", "job_id", "customer_id", "row"],
    )
