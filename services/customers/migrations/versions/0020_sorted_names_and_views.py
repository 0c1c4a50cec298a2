"""Names by which lists are sorted, spellings that are compared as one, and saved views.

Revision ID: 0020
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import create_tenant_table
from services.customers.people.rules.names import search_words, sort_name

revision = "0020"
down_revision = "0019"

CHUNK = 5_000
NAMELESS = "\U0010ffff"


def upgrade() -> None:
    """Store the name by which each customer is sorted, and the words of names that are spelled either way."""
    op.add_column("customer", sa.Column("sort_name", sa.Text(collation="C"), server_default=NAMELESS, nullable=False))
    for rows in _chunks():
        changed = [
            {"tenant_id": str(tenant), "id": str(id), "sort_name": sort_name(*names[:3]), "words": search_words(*names)}
            for tenant, id, *names in rows
        ]
        op.get_bind().execute(_UPDATE_NAMES, {"rows": json.dumps(changed)})
        op.get_bind().execute(_INSERT_WORDS, {"rows": json.dumps(changed)})
    op.create_index("ix_customer_tenant_id_sort_name_id", "customer", ["tenant_id", "sort_name", "id"])
    create_tenant_table(
        "saved_view",
        "customers",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sort", sa.Text(), nullable=True),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.CheckConstraint("record_kind in ('customer', 'deal')", name=op.f("ck_saved_view_record_kind")),
        append_only=False,
    )
    op.create_index("ix_saved_view_tenant_id_name_id", "saved_view", ["tenant_id", "name", "id"])


def _chunks() -> Iterator[Sequence[Any]]:
    """Yield the tenant, the id and the names of every customer, in chunks."""
    query = sa.text(
        "select tenant_id, id, given_name, family_name, name, preferred_name from customer "
        "where (tenant_id, id) > (:tenant, :id) order by tenant_id, id limit :chunk"
    ).bindparams(sa.bindparam("tenant", type_=sa.Uuid()), sa.bindparam("id", type_=sa.Uuid()))
    last: Sequence[Any] = (UUID(int=0), UUID(int=0))
    while rows := op.get_bind().execute(query, {"tenant": last[0], "id": last[1], "chunk": CHUNK}).all():
        yield rows
        last = rows[-1]


_UPDATE_NAMES = sa.text(
    """
    update customer set sort_name = new.sort_name, search_words = new.words
    from jsonb_to_recordset(cast(:rows as jsonb)) as new(tenant_id uuid, id uuid, sort_name text, words text[])
    where customer.tenant_id = new.tenant_id and customer.id = new.id
    """
)
_INSERT_WORDS = sa.text(
    """
    insert into name_word (tenant_id, word)
    select distinct new.tenant_id, word
    from jsonb_to_recordset(cast(:rows as jsonb)) as new(tenant_id uuid, words text[]) cross join unnest(words) as word
    on conflict (tenant_id, word) do nothing
    """
)
