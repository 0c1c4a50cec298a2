"""Every table of customers: who they are and how they are found again."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from chassis import Table, Versioned, instant, new_registry


class Owned(Table, registry=new_registry()):
    """What this service owns."""


def _documents() -> Any:
    return Field(default_factory=list, sa_column=Column(JSONB, nullable=False))


def _words() -> Any:
    return Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))


class Customer(Versioned, Owned, table=True):
    """A person or an organisation. Nameless is allowed: a loyalty card, a till number."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("kind in ('person', 'organization')", name="kind"),
        CheckConstraint("lifecycle in ('prospect', 'customer', 'client', 'former')", name="lifecycle"),
        CheckConstraint("state in ('active', 'blocked', 'ended', 'merged', 'erased')", name="state"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "updated_at", "id"),
        Index(
            "ix_customer_search_name",
            "tenant_id",
            "search_name",
            postgresql_using="gin",
            postgresql_ops={"search_name": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": 64},
        ),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("search_name",))

    kind: str
    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None
    account_kinds: list[str] = _words()
    emails: list[dict[str, Any]] = _documents()
    phones: list[dict[str, Any]] = _documents()
    addresses: list[dict[str, Any]] = _documents()
    external_ids: list[dict[str, Any]] = _documents()
    birth_date: date | None = None
    occupation: str | None = None
    area: str | None = None
    languages: list[str] = _words()
    preferred_channel: str | None = None
    tags: list[str] = _words()
    lifecycle: str = "prospect"
    state: str = "active"
    custom: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    search_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    """The names in one line, without accents and case: what a name fragment is compared with."""


class ContactPoint(Owned, table=True):
    """An e-mail address or phone number in the form that it is looked up by. Two customers may share one."""

    __tablename__ = "contact_point"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"], ondelete="cascade"),
        CheckConstraint("kind in ('email', 'phone')", name="kind"),
        Index(None, "tenant_id", "kind", "normal"),
        Index(None, "tenant_id", "customer_id"),
    )

    customer_id: UUID
    kind: str
    normal: str


class ExternalId(Owned, table=True):
    """Another system's identifier of a customer; within a source it names one customer."""

    __tablename__ = "external_id"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"], ondelete="cascade"),
        UniqueConstraint("tenant_id", "source", "external_id"),
        Index(None, "tenant_id", "customer_id"),
    )

    customer_id: UUID
    source: str
    external_id: str


class ConsentReceipt(Owned, table=True):
    """What a customer allowed or took back, for a purpose on a channel, and how we know. Append-only."""

    __tablename__ = "consent_receipt"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "customer_id"], ["customer.tenant_id", "customer.id"], ondelete="cascade"),
        CheckConstraint("decision in ('granted', 'withdrawn')", name="decision"),
        Index("ix_consent_receipt_customer", "tenant_id", "customer_id", "purpose", "channel", "decided_at"),
    )

    customer_id: UUID
    purpose: str
    channel: str
    decision: str
    decided_at: datetime = instant()
    wording: str | None
    source: str
    evidence: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    actor: str
    recorded_at: datetime = instant()
