"""Duplicates: pairs of records, the compared attributes, and the look-up of contact points by a new customer.

Revision ID: 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table, grant_function

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create the tables and the functions."""
    create_tenant_table(
        "duplicate",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=True),
        _belongs_to_customer("duplicate", "first_id"),
        _belongs_to_customer("duplicate", "second_id"),
        sa.UniqueConstraint(
            "tenant_id", "first_id", "second_id", name=op.f("uq_duplicate_tenant_id_first_id_second_id")
        ),
        sa.CheckConstraint("state in ('open', 'merged', 'not_a_duplicate')", name=op.f("ck_duplicate_state")),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_duplicate_order")),
        append_only=False,
    )
    op.create_index(op.f("ix_duplicate_tenant_id_second_id"), "duplicate", ["tenant_id", "second_id"])
    op.create_index(op.f("ix_duplicate_tenant_id_score_id"), "duplicate", ["tenant_id", "score", "id"])
    op.create_index(op.f("ix_duplicate_tenant_id_state_score_id"), "duplicate", ["tenant_id", "state", "score", "id"])
    create_tenant_table(
        "compared_record",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("traits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _belongs_to_customer("compared_record", "customer_id"),
        sa.UniqueConstraint("tenant_id", "customer_id", name=op.f("uq_compared_record_tenant_id_customer_id")),
        append_only=False,
    )
    create_tenant_table(
        "match_key",
        "customers",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        append_only=False,
    )
    op.create_index(op.f("ix_match_key_tenant_id_key_customer_id"), "match_key", ["tenant_id", "key", "customer_id"])
    op.create_index(op.f("ix_match_key_tenant_id_customer_id"), "match_key", ["tenant_id", "customer_id"])
    _create_functions()


def _belongs_to_customer(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column.removesuffix('_id')}"
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], ["customer.tenant_id", "customer.id"], name=name, ondelete="cascade"
    )


def _create_functions() -> None:
    op.execute(
        """
        create or replace function lock_contact_points(kinds text[], normals text[]) returns void
        language plpgsql set search_path = public, pg_temp as $$
            begin
                perform pg_advisory_xact_lock(key) from (
                    select distinct hashtextextended(
                        'contact point ' || current_setting('app.tenant') || ' ' || kind || ' ' || normal, 0
                    ) as key
                    from unnest(kinds, normals) as asked(kind, normal) order by key
                ) as keys;
            end
            $$
        """
    )
    op.execute(
        """
        create or replace function are_new_contact_points(own_id uuid, kinds text[], normals text[]) returns boolean
        language plpgsql set search_path = public, pg_temp as $$
            begin
                perform lock_contact_points(kinds, normals);
                perform from unnest(kinds, normals) as asked(kind, normal) cross join lateral (
                    select from contact_point
                    where contact_point.kind = asked.kind and contact_point.normal = asked.normal
                        and customer_id <> own_id limit 1
                ) as known;
                if found then
                    raise unique_violation using message = 'another customer has such a contact point';
                end if;
                return true;
            end
            $$
        """
    )
    grant_function("lock_contact_points(text[], text[])", "customers")
    grant_function("are_new_contact_points(uuid, text[], text[])", "customers")
