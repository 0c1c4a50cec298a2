"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_chassis_tables, enable_tenant_isolation

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the chassis' tables and this service's own."""
    create_chassis_tables("gateway")
    op.create_table(
        "api_key",
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
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_api_key"),
    )
    op.create_table(
        "tenant",
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
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("clock_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("clock_at is null or kind = 'sandbox'", name="ck_tenant_only_sandboxes_stop_the_clock"),
        sa.CheckConstraint("kind in ('live', 'sandbox')", name="ck_tenant_kind"),
        sa.CheckConstraint("id = tenant_id", name="ck_tenant_is_its_own_tenant"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_tenant"),
    )

    enable_tenant_isolation("tenant", "gateway")
    enable_tenant_isolation("api_key", "gateway")
    # The tenant of a key is unknown before the look-up, so these two read across tenants, and return no more than that.
    op.execute(
        """
        create function find_api_key(
            wanted uuid, out secret_hash bytea, out scopes text[], out expires_at timestamptz, out revoked_at timestamptz,
            out tenant_id uuid, out name text, out kind text, out timezone text, out currency text, out region text,
            out clock_at timestamptz
        )
        returns setof record
        language sql stable security definer set search_path = public, pg_temp as $$
            select key.secret_hash, key.scopes, key.expires_at, key.revoked_at,
                   tenant.tenant_id, tenant.name, tenant.kind, tenant.timezone, tenant.currency, tenant.region,
                   tenant.clock_at
            from api_key as key join tenant on tenant.tenant_id = key.tenant_id
            where key.id = wanted
        $$
        """
    )
    op.execute(
        """
        create function note_key_use(ids uuid[], times timestamptz[]) returns void
        language sql security definer set search_path = public, pg_temp as $$
            update api_key set last_used_at = used.at
            from unnest(ids, times) as used(id, at)
            where api_key.id = used.id and (last_used_at is null or last_used_at < used.at)
        $$
        """
    )
    for function in ("find_api_key(uuid)", "note_key_use(uuid[], timestamptz[])"):
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to {api_role('gateway')}")
    op.create_index("ix_api_key_id", "api_key", ["id"])
