"""Templates of messages, and their versions.

Revision ID: 0025
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Create the tables. The logins may only insert versions."""
    create_tenant_table(
        "message_template",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("variables", postgresql.ARRAY(sa.Text()), nullable=False),
        append_only=False,
    )
    create_tenant_table(
        "message_template_version",
        "interactions",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("variables", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "template_id"],
            ["message_template.tenant_id", "message_template.id"],
            name=op.f("fk_message_template_version_message_template"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "template_id",
            "number",
            name=op.f("uq_message_template_version_tenant_id_template_id_number"),
        ),
        append_only=True,
    )
