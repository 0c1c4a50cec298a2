"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_chassis_tables, enable_tenant_isolation

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the chassis' tables and this service's own."""
    create_chassis_tables("customers")
    op.create_table(
        "customer",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("account_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("emails", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("phones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("external_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("occupation", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("preferred_channel", sa.Text(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("kind in ('person', 'organization')", name="ck_customer_kind"),
        sa.CheckConstraint("lifecycle in ('prospect', 'customer', 'client', 'former')", name="ck_customer_lifecycle"),
        sa.CheckConstraint("state in ('active', 'blocked', 'ended', 'merged', 'erased')", name="ck_customer_state"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_customer"),
    )
    op.create_index("ix_customer_tenant_id_created_at_id", "customer", ["tenant_id", "created_at", "id"], unique=False)
    op.create_table(
        "contact_point",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("normal", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('email', 'phone')", name="ck_contact_point_kind"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_contact_point_customer",
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_contact_point"),
    )
    op.create_index(
        "ix_contact_point_tenant_id_customer_id", "contact_point", ["tenant_id", "customer_id"], unique=False
    )
    op.create_index(
        "ix_contact_point_tenant_id_kind_normal", "contact_point", ["tenant_id", "kind", "normal"], unique=False
    )
    op.create_table(
        "external_id",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_external_id_customer",
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_external_id"),
        sa.UniqueConstraint("tenant_id", "source", "external_id", name="uq_external_id_tenant_id_source_external_id"),
    )
    op.create_index("ix_external_id_tenant_id_customer_id", "external_id", ["tenant_id", "customer_id"], unique=False)

    enable_tenant_isolation("customer", "customers")
    enable_tenant_isolation("contact_point", "customers")
    enable_tenant_isolation("external_id", "customers")
