"""Statuses of orders and of their payments, and exchanges.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_tenant_table, worker_role

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Give purchases a state, and create the tables of its changes."""
    _add_state()
    create_tenant_table(
        "order_status",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('open', 'completed', 'returned', 'cancelled')", name="ck_order_status_kind"),
        sa.UniqueConstraint("tenant_id", "status", name="uq_order_status_tenant_id_status"),
        append_only=False,
    )
    _create_status_changes()
    _create_exchanges()
    # A merge moves the rows, and an erasure removes their references. Nothing else changes them.
    logins = f"{api_role('interactions')}, {worker_role('interactions')}"
    for table in ("purchase_status_change", "exchange"):
        op.execute(f"grant update (customer_id) on {table} to {logins}")
    op.execute(
        "grant update (source_id, content_hash, evidence, tracking) on purchase_status_change "
        f"to {worker_role('interactions')}"
    )


def _add_state() -> None:
    for column in ("status", "payment_status", "payment_basis"):
        op.add_column("purchase", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("purchase", sa.Column("status_at", sa.DateTime(timezone=True), nullable=True))
    statuses = "'open', 'paid', 'partly_refunded', 'refunded', 'failed', 'written_off'"
    op.create_check_constraint("ck_purchase_payment_status", "purchase", f"payment_status in ({statuses})")
    op.create_check_constraint("ck_purchase_payment_basis", "purchase", "payment_basis in ('reported', 'derived')")
    op.execute(
        """
        update purchase set payment_basis = 'derived',
            payment_status = case when refunded.minor >= total_minor then 'refunded' else 'partly_refunded' end
        from (select tenant_id, purchase_id, sum(amount_minor) as minor from refund group by 1, 2) as refunded
        where purchase.tenant_id = refunded.tenant_id and purchase.id = refunded.purchase_id
        """
    )
    for column in ("status", "payment_status"):
        op.create_index(
            f"ix_purchase_tenant_id_{column}_purchased_at_id",
            "purchase",
            ["tenant_id", column, "purchased_at", "id"],
            postgresql_where=sa.text(f"{column} is not null"),
        )
    op.execute(
        "grant update (status, status_at, payment_status, payment_basis) on purchase "
        f"to {api_role('interactions')}, {worker_role('interactions')}"
    )


def _create_status_changes() -> None:
    create_tenant_table(
        "purchase_status_change",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("payment_status", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "payment_status in ('open', 'paid', 'failed', 'written_off')",
            name="ck_purchase_status_change_payment_status",
        ),
        sa.CheckConstraint(
            "status is not null or payment_status is not null", name="ck_purchase_status_change_changes_something"
        ),
        sa.CheckConstraint(
            "(status is null) = (position is null)", name="ck_purchase_status_change_position_of_status"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "purchase_id"],
            ["purchase.tenant_id", "purchase.id"],
            name="fk_purchase_status_change_purchase",
        ),
        sa.UniqueConstraint(
            "tenant_id", "source", "source_id", name="uq_purchase_status_change_tenant_id_source_source_id"
        ),
        append_only=True,
    )
    for columns in (("purchase_id", "changed_at", "id"), ("customer_id",), ("recorded_at", "id")):
        name = f"ix_purchase_status_change_tenant_id_{'_'.join(columns)}"
        op.create_index(name, "purchase_status_change", ["tenant_id", *columns])
    create_tenant_table(
        "waiting_status_change",
        "interactions",
        sa.Column("purchase_source", sa.Text(), nullable=False),
        sa.Column("purchase_source_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'refused')", name="ck_waiting_status_change_state"),
        sa.UniqueConstraint(
            "tenant_id", "source", "source_id", name="uq_waiting_status_change_tenant_id_source_source_id"
        ),
        append_only=False,
    )
    op.create_index(
        "ix_waiting_status_change_purchase",
        "waiting_status_change",
        ["tenant_id", "purchase_source", "purchase_source_id"],
    )


def _create_exchanges() -> None:
    create_tenant_table(
        "exchange",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("new_purchase_id", sa.Uuid(), nullable=False),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "purchase_id"], ["purchase.tenant_id", "purchase.id"], name="fk_exchange_purchase"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "new_purchase_id"], ["purchase.tenant_id", "purchase.id"], name="fk_exchange_new_purchase"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "refund_id"], ["refund.tenant_id", "refund.id"], name="fk_exchange_refund"
        ),
        sa.UniqueConstraint("tenant_id", "refund_id", name="uq_exchange_tenant_id_refund_id"),
        sa.UniqueConstraint("tenant_id", "new_purchase_id", name="uq_exchange_tenant_id_new_purchase_id"),
        append_only=True,
    )
    for columns in (("purchase_id", "id"), ("customer_id", "exchanged_at", "id"), ("exchanged_at", "id")):
        op.create_index(f"ix_exchange_tenant_id_{'_'.join(columns)}", "exchange", ["tenant_id", *columns])
