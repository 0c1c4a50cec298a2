"""Customers, and the tables by which they are found."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Field

from chassis import (
    DatabaseFunction,
    Versioned,
    belongs_to,
    choice,
    document,
    index,
    text_list,
    unique,
)
from services.customers.base import Base
from services.customers.people.rules import (
    ContactKind,
    EmailDocument,
    ExternalIdDocument,
    Kind,
    Lifecycle,
    PhoneDocument,
    State,
)


class Customer(Versioned, Base, table=True):
    """A person or an organisation. It may be nameless: a loyalty card, a till number."""

    __tablename__ = "customer"
    __table_args__ = (
        index("created_at", "id"),
        index("updated_at", "id"),
        index(
            "search_name",
            name="ix_customer_search_name",
            postgresql_using="gin",
            postgresql_ops={"search_name": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": 64},
        ),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("search_name",))

    kind: Kind = choice(Kind, "kind")
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
    state: State = choice(State, "state", default="active")
    custom: dict[str, Any] = document(default_factory=dict)
    search_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The names on a single line, without accents and case: a name fragment is compared with it."""


class ContactPoint(Base, table=True):
    """An e-mail address or phone number in the form in which it is looked up. Two customers may share it."""

    __tablename__ = "contact_point"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        index("kind", "normal"),
        index("customer_id"),
    )

    customer_id: UUID
    kind: ContactKind = choice(ContactKind, "kind")
    normal: str


class ExternalId(Base, table=True):
    """Another system's identifier of a customer. It is unique within its source."""

    __tablename__ = "external_id"
    __table_args__ = (
        belongs_to("customer_id", "customer", cascade=True),
        unique("source", "external_id"),
        index("customer_id"),
    )

    customer_id: UUID
    source: str
    external_id: str


# Similarity is not leakproof, so row-level security would prevent the use of the index. The function reads as the
# owner, and only the tenant of the transaction. The closer a match must be, the fewer of the index's long lists it
# reads.
search_customers = DatabaseFunction(
    "search_customers(text, integer, real)",
    """
    create or replace function search_customers(fragment text, most integer, closeness real)
    returns table (id uuid, score real)
    language plpgsql stable security definer set search_path = public, pg_temp
    set pg_trgm.word_similarity_threshold = 0.6 as $$
        begin
            perform set_config('pg_trgm.word_similarity_threshold', closeness::text, true);
            return query
                select customer.id, word_similarity(fragment, search_name) as score from customer
                where tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid)
                    and fragment <% search_name
                order by score desc, customer.id limit most;
        end
        $$
    """,
    requires="select similarity('', '')",  # loads the extension: its setting is unknown before
)
Base.metadata.info.setdefault("objects", []).append(search_customers)
