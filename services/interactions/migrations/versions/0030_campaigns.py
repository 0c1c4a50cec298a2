"""Campaigns, their customers and recipients, and the jobs that run them.

Revision ID: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_job_table, create_tenant_table

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Create the tables, and add the HTML of messages."""
    create_job_table("interactions")
    op.add_column("message", sa.Column("html", sa.Text(), nullable=True))
    _create_campaign()
    create_tenant_table(
        "campaign_customer",
        "interactions",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaign.tenant_id", "campaign.id"],
            name=op.f("fk_campaign_customer_campaign"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "campaign_id",
            "customer_id",
            name=op.f("uq_campaign_customer_tenant_id_campaign_id_customer_id"),
        ),
        append_only=False,
    )
    op.create_index(
        "ix_campaign_customer_tenant_id_customer_id", "campaign_customer", ["tenant_id", "customer_id"], unique=False
    )
    _create_recipient()
    create_tenant_table(
        "campaign_settings",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.Text(), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("max_messages", sa.Integer(), nullable=True),
        sa.Column("max_selling_percent", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(quiet_from is null) = (quiet_until is null)", name=op.f("ck_campaign_settings_quiet_hours")
        ),
        append_only=False,
    )
    for table in ("campaign_customer", "campaign_recipient"):
        op.execute(
            f"create trigger reject_erased after insert on {table} referencing new table as added "
            "for each statement execute function chassis.reject_erased()"
        )


def _create_campaign() -> None:
    create_tenant_table(
        "campaign",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("audience", postgresql.JSONB(), nullable=False),
        sa.Column("variants", postgresql.JSONB(), nullable=False),
        sa.Column("variables", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_local", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("plan_cursor", sa.Uuid(), nullable=True),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("nature in ('selling', 'relational')", name=op.f("ck_campaign_nature")),
        sa.CheckConstraint(
            "state in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')",
            name=op.f("ck_campaign_state"),
        ),
        sa.CheckConstraint(
            "finished_at is null or state in ('completed', 'cancelled')", name=op.f("ck_campaign_finished")
        ),
        sa.CheckConstraint(
            "(starts_at is null) <= (state in ('draft', 'cancelled'))", name=op.f("ck_campaign_scheduled")
        ),
        sa.CheckConstraint("send_at is null or send_local is null", name=op.f("ck_campaign_one_time")),
        append_only=False,
    )
    op.create_index("ix_campaign_tenant_id_state_id", "campaign", ["tenant_id", "state", "id"], unique=False)
    op.create_index(
        "ix_campaign_unfinished",
        "campaign",
        ["tenant_id", "id"],
        unique=False,
        postgresql_where=sa.text("finished_at is null"),
    )


def _create_recipient() -> None:
    create_tenant_table(
        "campaign_recipient",
        "interactions",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("delivery_key", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('planned', 'sent', 'suppressed')", name=op.f("ck_campaign_recipient_state")),
        sa.CheckConstraint(
            "reason in ('no_permission', 'not_active', 'no_address', 'capped', 'selling_share', 'unsubscribed', "
            "'not_renderable', 'customer_erased', 'campaign_cancelled')",
            name=op.f("ck_campaign_recipient_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'suppressed') = (reason is not null)", name=op.f("ck_campaign_recipient_suppressed")
        ),
        sa.CheckConstraint("(state = 'sent') = (sent_at is not null)", name=op.f("ck_campaign_recipient_sent")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "campaign_id"],
            ["campaign.tenant_id", "campaign.id"],
            name=op.f("fk_campaign_recipient_campaign"),
        ),
        append_only=False,
    )
    op.create_index(
        "ix_campaign_recipient_tenant_id_campaign_id_state_id",
        "campaign_recipient",
        ["tenant_id", "campaign_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        "ix_campaign_recipient_planned",
        "campaign_recipient",
        ["tenant_id", "campaign_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "ix_campaign_recipient_tenant_id_customer_id_sent_at_id",
        "campaign_recipient",
        ["tenant_id", "customer_id", "sent_at", "id"],
        unique=False,
    )
    op.create_index(
        "ux_campaign_recipient_delivery_key",
        "campaign_recipient",
        ["tenant_id", "campaign_id", "delivery_key"],
        unique=True,
        postgresql_where=sa.text("delivery_key is not null"),
    )
