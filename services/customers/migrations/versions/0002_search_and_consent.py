"""Names that are found by a fragment, and consent receipts.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, enable_tenant_isolation, worker_role
from chassis.db.tables import CURRENT_TENANT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create a search column with its trigram index and function, and the receipts."""
    op.execute("create extension if not exists pg_trgm")
    op.execute("create extension if not exists btree_gin")  # so that the tenant leads this index too
    op.add_column("customer", sa.Column("search_name", sa.Text(), server_default="", nullable=False))
    # Accents of existing records are folded when they are next changed.
    op.execute("update customer set search_name = lower(concat_ws(' ', given_name, family_name, name))")
    op.create_index(
        "ix_customer_search_name",
        "customer",
        ["tenant_id", "search_name"],
        postgresql_using="gin",
        postgresql_ops={"search_name": "gin_trgm_ops"},
    )
    op.create_index("ix_customer_tenant_id_updated_at_id", "customer", ["tenant_id", "updated_at", "id"])
    # Similarity is not leakproof, so row-level security would keep it from the index. The function reads as the owner,
    # and only the tenant of the transaction.
    op.execute(
        f"""
        create function search_customers(fragment text, most integer) returns table (id uuid, score real)
        language sql stable security definer set search_path = public, pg_temp
        set pg_trgm.word_similarity_threshold = 0.4 as $$
            select customer.id, word_similarity(fragment, search_name) as score from customer
            where tenant_id = (select {CURRENT_TENANT}) and fragment <% search_name
            order by score desc, customer.id limit most
        $$
        """
    )
    op.execute("revoke all on function search_customers(text, integer) from public")
    op.execute(
        f"grant execute on function search_customers(text, integer) to {api_role('customers')}, {worker_role('customers')}"
    )
    op.create_table(
        "consent_receipt",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("decision in ('granted', 'withdrawn')", name="ck_consent_receipt_decision"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name="fk_consent_receipt_customer",
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_consent_receipt"),
    )
    op.create_index(
        "ix_consent_receipt_customer",
        "consent_receipt",
        ["tenant_id", "customer_id", "purpose", "channel", "decided_at"],
    )
    enable_tenant_isolation("consent_receipt", "customers", append_only=True)
