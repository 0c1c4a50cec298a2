"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_chassis_tables, enable_tenant_isolation

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the chassis' tables and this service's own."""
    create_chassis_tables("loyalty")
    op.create_table(
        "program",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("enrolment", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("enrolment in ('open', 'on_purchase', 'invitation', 'fee')", name="ck_program_enrolment"),
        sa.CheckConstraint("kind in ('frequency', 'club', 'agent')", name="ck_program_kind"),
        sa.CheckConstraint("state in ('active', 'closed')", name="ck_program_state"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_program"),
    )
    op.create_table(
        "earning_rule",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("per_minor", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('per_amount')", name="ck_earning_rule_kind"),
        sa.CheckConstraint("per_minor > 0", name="ck_earning_rule_per_minor"),
        sa.CheckConstraint("points > 0", name="ck_earning_rule_points"),
        sa.CheckConstraint("valid_from <= valid_to", name="ck_earning_rule_validity"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "program_id"], ["program.tenant_id", "program.id"], name="fk_earning_rule_program"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_earning_rule"),
        sa.UniqueConstraint("tenant_id", "rule_id", "version", name="uq_earning_rule_tenant_id_rule_id_version"),
    )
    op.create_index("ix_earning_rule_tenant_id_program_id", "earning_rule", ["tenant_id", "program_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('active', 'left')", name="ck_membership_state"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "program_id"], ["program.tenant_id", "program.id"], name="fk_membership_program"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_membership"),
    )
    op.create_index("ix_membership_tenant_id_customer_id", "membership", ["tenant_id", "customer_id"], unique=False)
    op.create_index(
        "uq_membership_current",
        "membership",
        ["tenant_id", "program_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'left'"),
    )
    op.create_table(
        "wallet",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("available = 0 or debt = 0", name="ck_wallet_debt_is_paid_first"),
        sa.CheckConstraint(
            "pending >= 0 and available >= 0 and reserved >= 0 and debt >= 0", name="ck_wallet_never_negative"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["membership.tenant_id", "membership.id"], name="fk_wallet_membership"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_wallet"),
    )
    op.create_table(
        "earn_basis",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("purchased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("eligible_minor", sa.BigInteger(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"], name="fk_earn_basis_wallet"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_earn_basis"),
        sa.UniqueConstraint(
            "tenant_id", "membership_id", "purchase_id", name="uq_earn_basis_tenant_id_membership_id_purchase_id"
        ),
    )
    op.create_table(
        "points_entry",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_bucket", sa.Text(), nullable=False),
        sa.Column("to_bucket", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "from_bucket in ('issued', 'pending', 'available', 'reserved', 'debt', 'adjusted', 'transferred')",
            name="ck_points_entry_from_bucket",
        ),
        sa.CheckConstraint(
            "to_bucket in ('pending', 'available', 'reserved', 'debt', 'redeemed', 'expired', 'reversed', 'adjusted', 'transferred')",
            name="ck_points_entry_to_bucket",
        ),
        sa.CheckConstraint("from_bucket <> to_bucket", name="ck_points_entry_moves"),
        sa.CheckConstraint("points > 0", name="ck_points_entry_points"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"], name="fk_points_entry_wallet"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_points_entry"),
    )
    op.create_index(
        "uq_points_entry_natural",
        "points_entry",
        ["tenant_id", "membership_id", "source_type", "source_id", "kind", "rule_id", "to_bucket"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "lot",
        sa.Column(
            "tenant_id",
            sa.Uuid(),
            server_default=sa.text("nullif(current_setting('app.tenant', true), '')::uuid"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("original", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("activates_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("0 <= remaining and remaining <= original", name="ck_lot_remaining"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "entry_id"], ["points_entry.tenant_id", "points_entry.id"], name="fk_lot_points_entry"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "membership_id"], ["wallet.tenant_id", "wallet.id"], name="fk_lot_wallet"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_lot"),
    )
    op.create_index(
        "ix_lot_open",
        "lot",
        ["tenant_id", "membership_id", sa.literal_column("expires_at nulls last"), "activates_at", "id"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )

    enable_tenant_isolation("program", "loyalty")
    enable_tenant_isolation("earning_rule", "loyalty")
    enable_tenant_isolation("membership", "loyalty")
    enable_tenant_isolation("wallet", "loyalty")
    enable_tenant_isolation("points_entry", "loyalty", append_only=True)
    enable_tenant_isolation("lot", "loyalty")
    enable_tenant_isolation("earn_basis", "loyalty", append_only=True)
