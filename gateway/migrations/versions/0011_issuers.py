"""Record the identity providers whose tokens a tenant accepts.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_tenant_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add issuers, and their look-up across tenants."""
    create_tenant_table(
        "issuer",
        "gateway",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("algorithms", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("clock_skew_seconds", sa.BigInteger(), nullable=False),
        sa.Column("rules", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("default_scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("customer_source", sa.Text(), nullable=True),
        sa.Column("configured_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "configured_by"],
            ["api_key.tenant_id", "api_key.id"],
            name=op.f("fk_issuer_api_key"),
            ondelete="cascade",
        ),
        append_only=False,
    )
    op.create_index("uq_issuer_url_id_audience", "issuer", ["url_id", "audience"], unique=True)
    op.create_index(op.f("ix_issuer_tenant_id_configured_by"), "issuer", ["tenant_id", "configured_by"], unique=False)
    op.execute("""
                create or replace function find_issuers(
                    wanted uuid[], out id uuid, out tenant_id uuid, out url text, out url_id uuid, out audience text,
                    out algorithms text[], out clock_skew_seconds bigint, out rules jsonb, out default_scopes text[],
                    out customer_source text, out configured_by uuid
                )
                returns setof record
                language sql stable security definer set search_path = public, pg_temp as $$
                    select id, tenant_id, url, url_id, audience, algorithms, clock_skew_seconds, rules, default_scopes,
                           customer_source, configured_by
                    from issuer where issuer.url_id = any(wanted)
                $$
    """)
    op.execute("revoke all on function find_issuers(uuid[]) from public")
    op.execute(f"grant execute on function find_issuers(uuid[]) to {api_role('gateway')}")
