"""Blocks of erased persons, and the keyed hashes of their identities.

Revision ID: 0026
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create the tables of blocks, their hashes and the key, and let erasures ask for a block."""
    create_tenant_table(
        "block_key",
        "customers",
        sa.Column("inner_pad", sa.LargeBinary(), nullable=False),
        sa.Column("outer_pad", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("tenant_id", name="uq_block_key_tenant_id"),
        append_only=False,
    )
    create_tenant_table(
        "block",
        "customers",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("identities", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        append_only=False,
    )
    op.create_index("ix_block_tenant_id_created_at_id", "block", ["tenant_id", "created_at", "id"])
    op.create_index("ix_block_tenant_id_erasure_id", "block", ["tenant_id", "erasure_id"])
    create_tenant_table(
        "blocked_identity",
        "customers",
        sa.Column("block_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "block_id"],
            ["block.tenant_id", "block.id"],
            name="fk_blocked_identity_block",
            ondelete="cascade",
        ),
        sa.UniqueConstraint("tenant_id", "hash", "block_id", name="uq_blocked_identity_tenant_id_hash_block_id"),
        append_only=False,
    )
    op.create_index("ix_blocked_identity_tenant_id_block_id", "blocked_identity", ["tenant_id", "block_id"])
    op.add_column("erasure", sa.Column("block", sa.Boolean(), server_default="false", nullable=False))
