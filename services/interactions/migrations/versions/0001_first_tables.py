"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_chassis_tables, enable_tenant_isolation, worker_role

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the chassis' tables and this service's own."""
    create_chassis_tables("interactions")
    op.create_table(
        "awaited_customer",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_awaited_customer"),
    )
    op.create_index("ix_awaited_customer_tenant_id_since", "awaited_customer", ["tenant_id", "since"], unique=False)
    op.create_table(
        "known_customer",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_known_customer"),
    )
    op.create_table(
        "purchase",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("purchased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("sold_through", sa.Text(), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_purchase"),
        sa.UniqueConstraint("tenant_id", "source", "source_id", name="uq_purchase_tenant_id_source_source_id"),
    )
    op.create_index(
        "ix_purchase_tenant_id_customer_id_purchased_at_id",
        "purchase",
        ["tenant_id", "customer_id", "purchased_at", "id"],
        unique=False,
    )

    enable_tenant_isolation("purchase", "interactions", append_only=True)
    enable_tenant_isolation("known_customer", "interactions")
    enable_tenant_isolation("awaited_customer", "interactions")
    # The status page counts over all tenants, and shows no more than the count. A purchase and its customer's event
    # may cross, so an awaited customer that is known in the meantime does not count.
    op.execute(
        """
        create function count_orphans() returns bigint
        language sql stable security definer set search_path = public, pg_temp as $$
            select coalesce(sum(records), 0)::bigint from awaited_customer as awaited
            where since < now() - interval '5 minutes'
            and not exists (
                select from known_customer as known
                where known.tenant_id = awaited.tenant_id and known.id = awaited.id
            )
        $$
        """
    )
    op.execute("revoke all on function count_orphans() from public")
    op.execute(
        f"grant execute on function count_orphans() to {api_role('interactions')}, {worker_role('interactions')}"
    )
