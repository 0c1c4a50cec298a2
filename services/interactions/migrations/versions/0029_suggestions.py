"""Suggestions, and the votes for them.

Revision ID: 0029
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Create the tables of suggestions and of their votes."""
    create_tenant_table(
        "suggestion",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("duplicate_of_id", sa.Uuid(), nullable=True),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('new', 'considered', 'planned', 'done', 'declined')", name=op.f("ck_suggestion_state")
        ),
        sa.CheckConstraint("(customer_id is null) <> (staff_id is null)", name=op.f("ck_suggestion_author")),
        sa.CheckConstraint("state <> 'declined' or answer is not null", name=op.f("ck_suggestion_declined")),
        sa.CheckConstraint("(state = 'done') = (done_at is not null)", name=op.f("ck_suggestion_done")),
        sa.CheckConstraint("duplicate_of_id <> id", name=op.f("ck_suggestion_original")),
        sa.CheckConstraint("votes >= 0 and (votes = 0 or duplicate_of_id is null)", name=op.f("ck_suggestion_votes")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "duplicate_of_id"],
            ["suggestion.tenant_id", "suggestion.id"],
            name=op.f("fk_suggestion_suggestion"),
        ),
        append_only=False,
    )
    op.create_index(op.f("ix_suggestion_tenant_id_created_at_id"), "suggestion", ["tenant_id", "created_at", "id"])
    op.create_index(
        op.f("ix_suggestion_tenant_id_customer_id_created_at_id"),
        "suggestion",
        ["tenant_id", "customer_id", "created_at", "id"],
        postgresql_where=sa.text("customer_id is not null"),
    )
    op.create_index(
        op.f("ix_suggestion_tenant_id_duplicate_of_id"),
        "suggestion",
        ["tenant_id", "duplicate_of_id"],
        postgresql_where=sa.text("duplicate_of_id is not null"),
    )
    op.create_index(
        op.f("ix_suggestion_tenant_id_sku_created_at_id"),
        "suggestion",
        ["tenant_id", "sku", "created_at", "id"],
        postgresql_where=sa.text("sku is not null"),
    )
    op.create_index(
        op.f("ix_suggestion_tenant_id_state_created_at_id"), "suggestion", ["tenant_id", "state", "created_at", "id"]
    )
    op.create_index(op.f("ix_suggestion_tenant_id_state_votes_id"), "suggestion", ["tenant_id", "state", "votes", "id"])
    op.create_index(op.f("ix_suggestion_tenant_id_votes_id"), "suggestion", ["tenant_id", "votes", "id"])
    op.execute(
        "create trigger reject_erased after insert on suggestion referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
    create_tenant_table(
        "suggestion_vote",
        "interactions",
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Text(), nullable=True),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(customer_id is null) <> (staff_id is null)", name=op.f("ck_suggestion_vote_voter")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "suggestion_id"],
            ["suggestion.tenant_id", "suggestion.id"],
            name=op.f("fk_suggestion_vote_suggestion"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "suggestion_id", "voter", name=op.f("uq_suggestion_vote_tenant_id_suggestion_id_voter")
        ),
        append_only=False,
    )
    op.create_index(
        op.f("ix_suggestion_vote_tenant_id_customer_id_voted_at_id"),
        "suggestion_vote",
        ["tenant_id", "customer_id", "voted_at", "id"],
        postgresql_where=sa.text("customer_id is not null"),
    )
    op.create_index(
        op.f("ix_suggestion_vote_tenant_id_suggestion_id_voted_at_id"),
        "suggestion_vote",
        ["tenant_id", "suggestion_id", "voted_at", "id"],
    )
    op.execute(
        "create trigger reject_erased after insert on suggestion_vote referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
