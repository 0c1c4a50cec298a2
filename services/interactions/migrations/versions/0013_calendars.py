"""Calendars of opening hours.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create calendars and their versions."""
    create_tenant_table(
        "calendar",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("weekly_hours", postgresql.JSONB(), nullable=False),
        sa.Column("exceptions", postgresql.JSONB(), nullable=False),
        sa.Column("holiday_presets", postgresql.JSONB(), nullable=False),
        sa.Column("holidays", postgresql.JSONB(), nullable=False),
        sa.Column("holidays_to", sa.Integer(), nullable=True),
        sa.CheckConstraint("(holidays_to is null) = (holiday_presets = '[]')", name=op.f("ck_calendar_holidays_to")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_calendar_tenant_id_name")),
        append_only=False,
    )
    op.create_index(
        op.f("ix_calendar_tenant_id_holidays_to_id"),
        "calendar",
        ["tenant_id", "holidays_to", "id"],
        postgresql_where=sa.text("holidays_to is not null"),
    )
    create_tenant_table(
        "calendar_version",
        "interactions",
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("weekly_hours", postgresql.JSONB(), nullable=False),
        sa.Column("exceptions", postgresql.JSONB(), nullable=False),
        sa.Column("holidays", postgresql.JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_calendar_version_number")),
        sa.UniqueConstraint(
            "tenant_id", "calendar_id", "number", name=op.f("uq_calendar_version_tenant_id_calendar_id_number")
        ),
        append_only=True,
    )
