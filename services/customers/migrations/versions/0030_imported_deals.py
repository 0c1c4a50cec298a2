"""Keep the ids that deals have in other systems, and record what imports change in them.

Revision ID: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add the ids, and the deals of changes."""
    op.add_column("deal", sa.Column("external_ids", postgresql.JSONB(), server_default="[]", nullable=False))
    create_tenant_table(
        "deal_external_id",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_deal_external_id_customer"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "deal_id"],
            ["deal.tenant_id", "deal.id"],
            name=op.f("fk_deal_external_id_deal"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "tenant_id", "source", "external_id", name=op.f("uq_deal_external_id_tenant_id_source_external_id")
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_deal_external_id_tenant_id_customer_id"), "deal_external_id", ["tenant_id", "customer_id"])
    op.create_index(op.f("ix_deal_external_id_tenant_id_deal_id"), "deal_external_id", ["tenant_id", "deal_id"])
    op.add_column("import_change", sa.Column("deal_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_import_change_deal"),
        "import_change",
        "deal",
        ["tenant_id", "deal_id"],
        ["tenant_id", "id"],
        ondelete="CASCADE",
    )
    op.create_index(
        op.f("ix_import_change_tenant_id_deal_id"),
        "import_change",
        ["tenant_id", "deal_id"],
        postgresql_where=sa.text("deal_id is not null"),
    )
    op.create_index(
        op.f("ix_import_change_tenant_id_job_id_deal_id_row"),
        "import_change",
        ["tenant_id", "job_id", "deal_id", "row"],
        postgresql_where=sa.text("deal_id is not null"),
    )
