"""Links between cases.

Revision ID: 0024
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the table of links."""
    create_tenant_table(
        "case_link",
        "interactions",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("linked_case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('related', 'part_of', 'duplicate_of', 'follow_up_of')", name=op.f("ck_case_link_kind")
        ),
        sa.CheckConstraint("case_id <> linked_case_id", name=op.f("ck_case_link_other")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "case_id"],
            ["support_case.tenant_id", "support_case.id"],
            name=op.f("fk_case_link_support_case"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "linked_case_id"],
            ["support_case.tenant_id", "support_case.id"],
            name=op.f("fk_case_link_linked_case"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "case_id",
            "linked_case_id",
            "kind",
            name=op.f("uq_case_link_tenant_id_case_id_linked_case_id_kind"),
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_case_link_tenant_id_linked_case_id"), "case_link", ["tenant_id", "linked_case_id"], unique=False
    )
