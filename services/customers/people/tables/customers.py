"""Customers, and the tables by which they are found."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Text, text
from sqlmodel import Field

from chassis import (
    DatabaseFunction,
    DatabaseView,
    Person,
    Versioned,
    belongs_to,
    choice,
    document,
    index,
    text_list,
    timestamp,
    unique,
)
from services.customers.base import Base
from services.customers.people.rules.contacts import ContactKind, EmailDocument, PhoneDocument
from services.customers.people.rules.names import NAMELESS
from services.customers.people.rules.records import CustomerKind, ExternalIdDocument
from services.customers.people.rules.stages import CustomerState, Lifecycle


class Customer(Versioned, Base, table=True):
    """A person or an organisation. It may be nameless: a loyalty card, a till number."""

    __tablename__ = "customer"
    __table_args__ = (
        index("created_at", "id"),
        index("updated_at", "id"),
        index("merged_into", postgresql_where=text("merged_into is not null")),
        index("sort_name", "id"),
        # Most customers have neither, so they have no entries.
        index("owner_id", "id", postgresql_where=text("owner_id is not null")),
        index("birthday", "id", postgresql_where=text("birthday is not null")),
        index(
            "search_words",
            name="ix_customer_search_words",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 64},
        ),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("search_words", "sort_name", "profile_completed_at"))
    persons: ClassVar[tuple[Person, ...]] = (Person("id", merge="own", erase="own"),)

    kind: CustomerKind = choice(CustomerKind, "kind")
    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None
    account_kinds: list[str] = text_list()
    emails: list[EmailDocument] = document(default_factory=list)
    phones: list[PhoneDocument] = document(default_factory=list)
    addresses: list[dict[str, Any]] = document(default_factory=list)
    external_ids: list[ExternalIdDocument] = document(default_factory=list)
    birth_date: date | None = None
    occupation: str | None = None
    area: str | None = None
    languages: list[str] = text_list()
    preferred_channel: str | None = None
    tags: list[str] = text_list()
    lifecycle: Lifecycle = choice(Lifecycle, "lifecycle", default="prospect")
    state: CustomerState = choice(CustomerState, "state", default="active")
    custom: dict[str, Any] = document(default_factory=dict)
    merged_into: UUID | None = None
    """The record into which this one was merged, which answers for it."""
    erased_at: datetime | None = timestamp(nullable=True, default=None)
    """Since then only the id is left: every request for the record is answered with 410."""
    search_words: list[str] = text_list(sa_column_kwargs={"server_default": "{}"})
    """The words of the names, without accents and case."""
    sort_name: str = Field(default=NAMELESS, sa_type=Text(collation="C"), sa_column_kwargs={"server_default": NAMELESS})
    """The name by which lists are sorted: the family name first, without accents and case."""
    preferred_name: str | None = None
    salutation: str | None = None
    birthday: str | None = None
    """Month and day, also if the year is not known: `--05-17`."""
    needs: list[str] = text_list(sa_column_kwargs={"server_default": "{}"})
    interests: list[str] = text_list(sa_column_kwargs={"server_default": "{}"})
    travel_distance_km: int | None = None
    social_profiles: list[dict[str, Any]] = document(default_factory=list, sa_column_kwargs={"server_default": "[]"})
    preferences: dict[str, Any] | None = document(default=None)
    firmographics: dict[str, Any] | None = document(default=None)
    strategic: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    strategic_reason: str | None = None
    owner_id: str | None = None
    """The agent who looks after the customer."""
    archived_at: datetime | None = timestamp(nullable=True, default=None)
    profile_completed_at: datetime | None = timestamp(nullable=True, default=None)


class NameWord(Base, table=True):
    """A word of the names of a tenant's customers. A search compares its words with these, not with every customer."""

    __tablename__ = "name_word"
    __table_args__ = (
        unique("word"),
        index("word", name="ix_name_word_word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    word: str


class ContactPoint(Base, table=True):
    """An e-mail address or phone number in the form in which it is looked up. Two customers may share it."""

    __tablename__ = "contact_point"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("kind", "normal"),
        index("customer_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="own"),)

    customer_id: UUID
    kind: ContactKind = choice(ContactKind, "kind")
    normal: str


class Place(Base, table=True):
    """The coordinates of an address, by which customers nearby are found."""

    __tablename__ = "place"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("band", "longitude"),
        index("customer_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="own"),)

    customer_id: UUID
    band: int
    """A tenth of a degree of latitude."""
    latitude: float
    longitude: float


class ExternalId(Base, table=True):
    """Another system's identifier of a customer. It is unique within its source."""

    __tablename__ = "external_id"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        unique("source", "external_id"),
        index("customer_id"),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(merge="own"),)

    customer_id: UUID
    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class CustomerChangeRow:
    """A row of the audit log about a customer."""

    tenant_id: UUID
    id: UUID
    customer_id: UUID
    at: datetime
    actor: str
    action: str
    changes: list[dict[str, Any]]
    trace_id: str


# The creation by one operation lists empty values, and by another it does not: the view leaves them out.
customer_change = DatabaseView(
    "customer_change",
    CustomerChangeRow,
    """
    create or replace view customer_change with (security_invoker = true) as
        select tenant_id, id, entity_id as customer_id, at, actor, action, (
            select coalesce(
                jsonb_agg(jsonb_build_object('field', field, 'before', pair -> 0, 'after', pair -> 1) order by field),
                '[]'
            )
            from jsonb_each(changes) as change(field, pair)
            where pair -> 0 <> 'null' or pair -> 1 not in ('null', '[]', '{}', 'false')
        ) as changes, trace_id
        from chassis.audit where entity = 'customer'
    """,
    documents=("changes",),
)

# Similarity is not leakproof, so row-level security would prevent the use of the indexes. The functions read as the
# owner, and only the tenant of the transaction.
#
# Words of up to three letters, such as "van" and "de", are too frequent to find customers by: they only add to a score.
search_customers = DatabaseFunction(
    "search_customers(text[], integer, real)",
    """
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
    """,
    requires="select similarity('', '')",  # loads the extension: its setting is unknown before
)
# Transactions that write words hold the lock of their tenant as well, shared. So none of them is about to use a word
# that this function removes.
remove_unused_words = DatabaseFunction(
    "remove_unused_words(integer)",
    """
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
    """,
)
Base.metadata.info.setdefault("objects", []).extend((customer_change, search_customers, remove_unused_words))
