"""Relations between customers.

Revision ID: 0017
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table, grant_view

revision = "0017"
down_revision = "0016"

KINDS = ("account", "household_member", "spouse", "referred_by", "guardian", "employer", "parent_account")


def upgrade() -> None:
    """Create the table, and the view of both ends."""
    create_tenant_table(
        "relation",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("related_customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in KINDS)})", name=op.f("ck_relation_kind")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_relation_period")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_relation_customer"),
            ondelete="cascade",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "related_customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_relation_related_customer"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index(
        "ix_relation_tenant_id_customer_id_related_customer_id_kind",
        "relation",
        ["tenant_id", "customer_id", "related_customer_id", "kind"],
    )
    op.create_index("ix_relation_tenant_id_related_customer_id", "relation", ["tenant_id", "related_customer_id"])
    op.execute("""
        create or replace view relation_end with (security_invoker = true) as
            select tenant_id, id, version, customer_id, related_customer_id, kind, role, valid_from, valid_to, created_at,
                updated_at
            from relation where customer_id <> related_customer_id
            union all
            select tenant_id, id, version, related_customer_id, customer_id, case kind when 'account' then 'contact'
                when 'referred_by' then 'referred' when 'guardian' then 'ward' when 'employer' then 'employee'
                when 'parent_account' then 'subsidiary' else kind end, role, valid_from, valid_to, created_at,
                updated_at
            from relation where customer_id <> related_customer_id
    """)
    grant_view("relation_end", "customers")
