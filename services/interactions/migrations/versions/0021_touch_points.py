"""Threads, sentiments, attachments and authors of touch points, the search of their texts, and schemas of their data.

Revision ID: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import api_role, create_tenant_table, grant_function, worker_role

revision = "0021"
down_revision = "0020"

SEARCHED_TEXT = "to_tsvector('simple'::regconfig, (coalesce(subject, '') || ' ') || coalesce(body, ''))"


def upgrade() -> None:
    """Add the columns and their indexes. The handles of existing authors are stored, so that they can be linked."""
    _add_columns()
    _add_search()
    create_tenant_table(
        "touch_point_schema",
        "interactions",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("schema_document", postgresql.JSONB(astext_type=sa.Text(), none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_touch_point_schema_number")),
        sa.UniqueConstraint(
            "tenant_id", "channel", "number", name=op.f("uq_touch_point_schema_tenant_id_channel_number")
        ),
        append_only=True,
    )


def _add_columns() -> None:
    op.add_column("touch_point", sa.Column("sentiment", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("touch_point", sa.Column("attachments", postgresql.JSONB(), server_default="[]", nullable=False))
    for column in ("automatic", "thread", "reply_to", "author_handle"):
        op.add_column("touch_point", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("touch_point", sa.Column("thread_id", sa.Uuid(), nullable=True))
    op.add_column("touch_point", sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_touch_point_automatic"), "touch_point", "automatic in ('reply', 'notification', 'bounce')"
    )
    op.execute("update touch_point set author_handle = author ->> 'handle' where author is not null")
    op.create_index(
        op.f("ix_touch_point_tenant_id_thread_id_occurred_at_id"),
        "touch_point",
        ["tenant_id", "thread_id", "occurred_at", "id"],
        postgresql_where=sa.text("thread_id is not null"),
    )
    op.create_index(
        op.f("ix_touch_point_tenant_id_author_handle_channel_id"),
        "touch_point",
        ["tenant_id", "author_handle", "channel", "id"],
        postgresql_where=sa.text("author_handle is not null"),
    )
    # Its content never changes, but its thread and its customer may become known later.
    op.execute(
        "grant update (thread_id, linked_at) on touch_point "
        f"to {api_role('interactions')}, {worker_role('interactions')}"
    )


def _add_search() -> None:
    op.execute("create extension if not exists btree_gin")  # so that the tenant leads this index too
    # New words wait in a list that each search reads whole, so it is kept short.
    op.create_index(
        "ix_touch_point_searched_text",
        "touch_point",
        ["tenant_id", sa.text(f"({SEARCHED_TEXT})")],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 512},
    )
    op.execute(f"""
    create or replace function search_touch_points(words text, customer uuid, most integer) returns setof uuid
    language plpgsql stable security definer set search_path = public, pg_temp
    set plan_cache_mode = force_custom_plan as $$
        begin
            if customer is null then
                return query select id from touch_point
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    and {SEARCHED_TEXT} @@ to_tsquery('simple', words)
                order by occurred_at desc, touch_point.id desc limit most;
            else
                return query select id from touch_point
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    and customer_id = customer
                    and {SEARCHED_TEXT} @@ to_tsquery('simple', words)
                order by occurred_at desc, touch_point.id desc limit most;
            end if;
        end
        $$
    """)
    grant_function("search_touch_points(text, uuid, integer)", "interactions")
