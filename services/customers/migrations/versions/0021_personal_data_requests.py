"""Requests for personal data.

Revision ID: 0021
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the table of requests for personal data."""
    create_tenant_table(
        "personal_data_request",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer.tenant_id", "customer.id"],
            name=op.f("fk_personal_data_request_customer"),
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_personal_data_request_tenant_id_created_at_id"),
        "personal_data_request",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        op.f("ix_personal_data_request_tenant_id_customer_id_created_at_id"),
        "personal_data_request",
        ["tenant_id", "customer_id", "created_at", "id"],
    )
