"""Vocabulary of names, and e-mail addresses compared in lower case.

Revision ID: 0006
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.db.migrations import (
    create_tenant_table,
    grant_function,
)
from chassis.types.text import normalize_email
from services.customers.people.rules.names import search_words

revision = "0006"
down_revision = "0005"

CHUNK = 5_000


def upgrade() -> None:
    """Replace the search of whole names, and store the new look-up forms of existing customers.

    Older code reads `search_name`: stop it first.
    """
    create_tenant_table(
        "name_word",
        "customers",
        sa.Column("word", sa.Text(), nullable=False),
        sa.UniqueConstraint("tenant_id", "word", name=op.f("uq_name_word_tenant_id_word")),
        append_only=False,
    )
    op.add_column(
        "customer", sa.Column("search_words", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.execute("drop function search_customers(text, integer)")
    op.execute("drop function search_customers(text, integer, real)")
    op.drop_index("ix_customer_search_name", table_name="customer")
    op.drop_column("customer", "search_name")
    _store_words()
    _normalize_emails()
    op.create_index(
        "ix_name_word_word",
        "name_word",
        ["tenant_id", "word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    # New words wait in a list that each search reads whole, so it is kept short.
    op.create_index(
        "ix_customer_search_words",
        "customer",
        ["tenant_id", "search_words"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 64},
    )
    op.execute("select similarity('', '')")  # loads the extension: its setting is unknown before
    op.execute("""
        create or replace function search_customers(words text[], most integer, closeness real)
        returns table (id uuid, score real)
        language plpgsql stable security definer set search_path = public, pg_temp
        set pg_trgm.word_similarity_threshold = 0.6 as $$
            begin
                perform set_config('pg_trgm.word_similarity_threshold', closeness::text, true);
                return query
                    with asked as materialized (
                        select word, (length(word) + 1)::real as weight,
                            length(word) > 3 or max(length(word)) over () <= 3 as decides,
                            case when length(word) > 2 then '%' else '' end || word || '%' as pattern
                        from unnest(words) as word
                    ),
                    similar_words as (
                        select known.word from asked cross join lateral (
                            select name_word.word from name_word
                            where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                                and (asked.word <% name_word.word or name_word.word like asked.pattern)
                            order by word_similarity(asked.word, name_word.word) desc, name_word.word limit 200
                        ) as known
                        where asked.decides
                    ),
                    candidate as materialized (
                        select customer.id, own.word from customer cross join unnest(search_words) as own(word)
                        where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                            and search_words && (select coalesce(array_agg(word), '{}') from similar_words)
                    ),
                    pair as materialized (
                        select asked.word as asked, own.word, asked.weight * greatest(
                            word_similarity(asked.word, own.word),
                            case when own.word like asked.pattern then 0.6::real end
                        ) as points
                        from asked cross join (select distinct word from candidate) as own
                    ),
                    best as (
                        select candidate.id, max(pair.points) as points
                        from candidate join pair using (word) group by candidate.id, pair.asked
                    )
                    select best.id, sum(best.points) / (select sum(weight) from asked) as score from best
                    group by best.id having sum(best.points) >= closeness * (select sum(weight) from asked)
                    order by score desc, best.id limit most;
            end
            $$
    """)
    grant_function("search_customers(text[], integer, real)", "customers")
    op.execute("""
        create or replace function remove_unused_words(most integer) returns integer
        language plpgsql security definer set search_path = public, pg_temp as $$
            declare
                unused text[];
                removed integer;
            begin
                unused := array(
                    select word from name_word
                    where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    except select unnest(search_words) from customer
                    where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid) limit most
                );
                if unused = '{}' then
                    return 0;
                end if;
                perform pg_advisory_xact_lock(hashtextextended('name_word ' || current_setting('app.tenant'), 0));
                delete from name_word
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid) and word = any(unused)
                    and not exists (
                        select from customer where tenant_id = name_word.tenant_id
                            and search_words @> array[name_word.word]
                    );
                get diagnostics removed = row_count;
                return removed;
            end
            $$
    """)
    grant_function("remove_unused_words(integer)", "customers")


def _store_words() -> None:
    """Store the words of every name."""
    for rows in _chunks("given_name, family_name, name"):
        words = [
            {"tenant_id": str(tenant), "id": str(id), "words": search_words(*names)} for tenant, id, *names in rows
        ]
        op.get_bind().execute(_UPDATE_WORDS, {"rows": json.dumps(words)})
    op.execute("insert into name_word (tenant_id, word) select distinct tenant_id, unnest(search_words) from customer")


def _normalize_emails() -> None:
    """Store the addresses whose look-up form has changed: ß was ss, and a domain was not in IDNA."""
    for rows in _chunks("emails, array(" + _STORED_EMAILS + ")"):
        changed = [
            {"tenant_id": str(tenant), "customer_id": str(id), "normal": sorted(normal)}
            for tenant, id, emails, stored in rows
            if (normal := {normalize_email(email["address"]) for email in emails}) != set(stored)
        ]
        op.get_bind().execute(_DELETE_EMAILS, {"rows": json.dumps(changed)})
        op.get_bind().execute(_INSERT_EMAILS, {"rows": json.dumps(changed)})


def _chunks(columns: str) -> Iterator[Sequence[Any]]:
    """Yield the tenant, the id and these columns of every customer, in chunks."""
    query = sa.text(
        f"select tenant_id, id, {columns} from customer where (tenant_id, id) > (:tenant, :id) "
        "order by tenant_id, id limit :chunk"
    ).bindparams(sa.bindparam("tenant", type_=sa.Uuid()), sa.bindparam("id", type_=sa.Uuid()))
    last: Sequence[Any] = (UUID(int=0), UUID(int=0))
    while rows := op.get_bind().execute(query, {"tenant": last[0], "id": last[1], "chunk": CHUNK}).all():
        yield rows
        last = rows[-1]


_STORED_EMAILS = """
    select normal from contact_point where kind = 'email'
    and contact_point.tenant_id = customer.tenant_id and contact_point.customer_id = customer.id
"""
_UPDATE_WORDS = sa.text(
    """
    update customer set search_words = new.words
    from jsonb_to_recordset(cast(:rows as jsonb)) as new(tenant_id uuid, id uuid, words text[])
    where customer.tenant_id = new.tenant_id and customer.id = new.id
    """
)
_DELETE_EMAILS = sa.text(
    """
    delete from contact_point
    using jsonb_to_recordset(cast(:rows as jsonb)) as new(tenant_id uuid, customer_id uuid)
    where kind = 'email' and contact_point.tenant_id = new.tenant_id and contact_point.customer_id = new.customer_id
    """
)
_INSERT_EMAILS = sa.text(
    """
    insert into contact_point (tenant_id, customer_id, kind, normal)
    select new.tenant_id, new.customer_id, 'email', unnest(new.normal)
    from jsonb_to_recordset(cast(:rows as jsonb)) as new(tenant_id uuid, customer_id uuid, normal text[])
    """
)
