"""Members spend points.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import enable_tenant_isolation
from chassis.db.tables import CURRENT_TENANT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create redemptions, and the lots that they were taken from."""
    op.create_table(
        "redemption",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hold_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("points > 0", name="ck_redemption_points"),
        sa.CheckConstraint("state in ('reserved', 'captured', 'released', 'expired')", name="ck_redemption_state"),
        sa.CheckConstraint("state <> 'reserved' or hold_ends_at is not null", name="ck_redemption_a_hold_ends"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"], name="fk_redemption_wallet"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_redemption"),
    )
    op.create_index(
        "ix_redemption_held",
        "redemption",
        ["tenant_id", "membership_id", "hold_ends_at"],
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_table(
        "lot_allocation",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name="ck_lot_allocation_points"),
        sa.ForeignKeyConstraint(["tenant_id", "lot_id"], ["lot.tenant_id", "lot.id"], name="fk_lot_allocation_lot"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "redemption_id"],
            ["redemption.tenant_id", "redemption.id"],
            name="fk_lot_allocation_redemption",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_lot_allocation"),
        sa.UniqueConstraint(
            "tenant_id", "redemption_id", "lot_id", name="uq_lot_allocation_tenant_id_redemption_id_lot_id"
        ),
    )
    enable_tenant_isolation("redemption", "loyalty")
    enable_tenant_isolation("lot_allocation", "loyalty", append_only=True)
