"""Conduct incidents, and their evidence.

Revision ID: 0027
"""

import sqlalchemy as sa
from alembic import op

from chassis.db.migrations import create_tenant_table

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create the tables of incidents and of their evidence."""
    create_tenant_table(
        "conduct_incident",
        "interactions",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("witnesses", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("staff_harmed", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("authors", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('disruption', 'threat', 'fraud', 'danger_to_reputation', 'danger_to_staff')",
            name=op.f("ck_conduct_incident_kind"),
        ),
        sa.CheckConstraint("severity in ('low', 'medium', 'high')", name=op.f("ck_conduct_incident_severity")),
        sa.CheckConstraint("state in ('reported', 'confirmed', 'dismissed')", name=op.f("ck_conduct_incident_state")),
        sa.CheckConstraint(
            "(state = 'reported') = (decided_at is null) and (decided_by is null) = (decided_at is null)",
            name=op.f("ck_conduct_incident_decided"),
        ),
        sa.CheckConstraint(
            "state <> 'dismissed' or decision_reason is not null", name=op.f("ck_conduct_incident_dismissed")
        ),
        sa.CheckConstraint("not staff_harmed or case_id is not null", name=op.f("ck_conduct_incident_harm")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "case_id"],
            ["support_case.tenant_id", "support_case.id"],
            name=op.f("fk_conduct_incident_support_case"),
        ),
        append_only=False,
    )
    for columns in (
        ("customer_id", "occurred_at", "id"),
        ("state", "occurred_at", "id"),
        ("occurred_at", "id"),
        ("case_id",),
    ):
        name = op.f(f"ix_conduct_incident_tenant_id_{'_'.join(columns)}")
        op.create_index(name, "conduct_incident", ["tenant_id", *columns])
    op.execute(
        "create trigger reject_erased after insert on conduct_incident referencing new table as added "
        "for each statement execute function chassis.reject_erased()"
    )
    create_tenant_table(
        "conduct_evidence",
        "interactions",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "incident_id"],
            ["conduct_incident.tenant_id", "conduct_incident.id"],
            name=op.f("fk_conduct_evidence_conduct_incident"),
            ondelete="cascade",
        ),
        append_only=True,
    )
    op.create_index(
        op.f("ix_conduct_evidence_tenant_id_incident_id_recorded_at_id"),
        "conduct_evidence",
        ["tenant_id", "incident_id", "recorded_at", "id"],
    )
