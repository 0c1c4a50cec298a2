"""Profiles of customers, their decisions about contacts, and messages to them.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Store what the events of customers say, and messages that depend on it."""
    add_profiles()
    add_permission()
    add_messages()


def add_profiles() -> None:
    """Add the tables by which customers are found."""
    create_tenant_table(
        "customer_profile",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("contact_version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("lifecycle", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("preferred_channel", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        append_only=False,
    )
    create_tenant_table(
        "contact_key",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("normal", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('email', 'phone')", name="ck_contact_key_kind"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customer_profile.tenant_id", "customer_profile.id"],
            name="fk_contact_key_customer_profile",
            ondelete="CASCADE",
        ),
        append_only=False,
    )
    op.create_index("ix_contact_key_tenant_id_kind_normal", "contact_key", ["tenant_id", "kind", "normal"])
    op.create_index("ix_contact_key_tenant_id_customer_id", "contact_key", ["tenant_id", "customer_id"])


def add_permission() -> None:
    """Add the decisions."""
    create_tenant_table(
        "consent_decision",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("decision in ('granted', 'withdrawn', 'pending')", name="ck_consent_decision_decision"),
        append_only=False,
    )
    op.create_index(
        "ix_consent_decision_tenant_id_customer_id_purpose_channel",
        "consent_decision",
        ["tenant_id", "customer_id", "purpose", "channel"],
    )


def add_messages() -> None:
    """Add messages and their outcomes. Messages to erased persons are refused."""
    create_tenant_table(
        "message",
        "interactions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("cause_kind", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('requested', 'sent', 'delivered', 'failed', 'suppressed')", name="ck_message_state"
        ),
        sa.CheckConstraint(
            "reason in ('withdrawn', 'never_asked', 'not_active', 'expired', 'pending', 'no_address', 'failed', "
            "'bounced')",
            name="ck_message_reason",
        ),
        sa.CheckConstraint("(state = 'suppressed') <= (reason is not null)", name="ck_message_suppressed_for_a_reason"),
        sa.UniqueConstraint("tenant_id", "cause_kind", "cause_id", name="uq_message_tenant_id_cause_kind_cause_id"),
        append_only=False,
    )
    for columns in (("customer_id", "requested_at", "id"), ("state", "requested_at", "id"), ("requested_at", "id")):
        op.create_index(f"ix_message_tenant_id_{'_'.join(columns)}", "message", ["tenant_id", *columns])
    op.execute(
        "create trigger reject_erased after insert on message referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
    create_tenant_table(
        "message_outcome",
        "interactions",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome in ('sent', 'delivered', 'failed', 'bounced', 'clicked')", name="ck_message_outcome_outcome"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name="fk_message_outcome_message",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "tenant_id", "message_id", "outcome", name="uq_message_outcome_tenant_id_message_id_outcome"
        ),
        append_only=True,
    )
