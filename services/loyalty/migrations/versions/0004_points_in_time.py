"""Points are pending at first and expire at last, and staff adjust them.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import enable_tenant_isolation
from chassis.db.tables import CURRENT_TENANT

revision = "0004"
down_revision = "0003"

FROM_BUCKETS = "'issued', 'pending', 'available', 'reserved', 'debt', 'expired', 'adjusted', 'transferred'"


def upgrade() -> None:
    """Store the periods of a program, the state of each lot, and the next due time of each wallet."""
    _programs()
    _wallets()
    _entries()
    _lots()
    _adjustments()


def _programs() -> None:
    op.add_column("program", sa.Column("pending_days", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("program", "pending_days", server_default=None)
    op.add_column("program", sa.Column("expiry_months", sa.Integer(), nullable=True))
    op.create_check_constraint("ck_program_pending_days", "program", "pending_days between 0 and 365")
    op.create_check_constraint("ck_program_expiry_months", "program", "expiry_months between 1 and 120")


def _wallets() -> None:
    op.add_column("wallet", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("wallet", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "update wallet set due_at = held.ends_at from (select tenant_id, membership_id, min(hold_ends_at) as ends_at "
        "from redemption where state = 'reserved' group by tenant_id, membership_id) as held "
        "where held.tenant_id = wallet.tenant_id and held.membership_id = wallet.id"
    )
    op.create_index("ix_wallet_due", "wallet", ["tenant_id", "due_at"], postgresql_where=sa.text("due_at is not null"))


def _entries() -> None:
    _drop_check("points_entry", "from_bucket")
    op.create_check_constraint("ck_points_entry_from_bucket", "points_entry", f"from_bucket in ({FROM_BUCKETS})")
    op.drop_index("uq_points_entry_natural", "points_entry")
    op.create_index(
        "uq_points_entry_natural",
        "points_entry",
        ["tenant_id", "membership_id", "source_type", "source_id", "kind", "rule_id", "from_bucket", "to_bucket"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def _lots() -> None:
    """Make a lot name its source itself, instead of an entry that names it."""
    op.add_column("lot", sa.Column("source_id", sa.Uuid(), nullable=True))
    op.execute(
        "update lot set source_id = points_entry.source_id::uuid from points_entry "
        "where points_entry.tenant_id = lot.tenant_id and points_entry.id = lot.entry_id"
    )
    op.alter_column("lot", "source_id", nullable=False)
    op.drop_column("lot", "entry_id")
    for name in ("pending", "expired"):
        op.add_column("lot", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column("lot", name, server_default=None)
    _drop_check("lot", "remaining")
    op.create_check_constraint("ck_lot_never_negative", "lot", "pending >= 0 and remaining >= 0 and expired >= 0")
    op.create_check_constraint("ck_lot_never_more", "lot", "pending + remaining + expired <= original")
    op.create_check_constraint("ck_lot_lives", "lot", "activates_at < expires_at")
    op.drop_index("ix_lot_open", "lot")
    op.create_index(
        "ix_lot_open", "lot", ["tenant_id", "membership_id"], postgresql_where=sa.text("pending + remaining > 0")
    )
    op.create_index("ix_lot_tenant_id_membership_id_source_id", "lot", ["tenant_id", "membership_id", "source_id"])


def _drop_check(table: str, name: str) -> None:
    """Drop a constraint that databases created before the first release may have under a doubled name."""
    for known in (f"ck_{table}_{name}", f"ck_{table}_ck_{table}_{name}"):
        op.execute(f"alter table {table} drop constraint if exists {known}")


def _adjustments() -> None:
    op.create_table(
        "points_adjustment",
        sa.Column("tenant_id", sa.Uuid(), server_default=sa.text(CURRENT_TENANT), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("points <> 0", name="ck_points_adjustment_points"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"], name="fk_points_adjustment_wallet"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_points_adjustment"),
    )
    op.create_index("ix_points_adjustment_tenant_id_membership_id", "points_adjustment", ["tenant_id", "membership_id"])
    enable_tenant_isolation("points_adjustment", "loyalty", append_only=True)
