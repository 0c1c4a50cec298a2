"""Every table of interactions: what happened between us and a customer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis import Table, instant, new_registry, whole


class Owned(Table, registry=new_registry()):
    """What this service owns."""


class Purchase(Owned, table=True):
    """What a customer bought. It never changes; refunds stand beside it.

    Its lines are a part of it and are only ever read with it, so they are kept as a document.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source", "source_id"),
        Index(None, "tenant_id", "customer_id", "purchased_at", "id"),
    )

    customer_id: UUID
    source: str
    source_id: str
    purchased_at: datetime = instant()
    currency: str
    channel: str | None
    store: str | None
    sold_through: str | None
    total_minor: int = whole()
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    content_hash: str
    """Tells a repetition from another purchase under the same source id."""
    recorded_at: datetime = instant()


class Refund(Owned, table=True):
    """Money that went back for a purchase, by line or as an amount. It never changes."""

    __tablename__ = "refund"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "purchase_id"], ["purchase.tenant_id", "purchase.id"]),
        UniqueConstraint("tenant_id", "source", "source_id"),
        Index(None, "tenant_id", "purchase_id"),
        Index(None, "tenant_id", "customer_id", "refunded_at", "id"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
    )

    purchase_id: UUID
    customer_id: UUID
    source: str
    source_id: str
    refunded_at: datetime = instant()
    currency: str
    amount_minor: int = whole()
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    content_hash: str
    recorded_at: datetime = instant()


class WaitingRefund(Owned, table=True):
    """A refund whose purchase was not known when it was told; gone as soon as it is recorded."""

    __tablename__ = "waiting_refund"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source", "source_id"),
        Index(None, "tenant_id", "purchase_source", "purchase_source_id"),
        CheckConstraint("state in ('waiting', 'refused')", name="state"),
    )

    purchase_source: str
    purchase_source_id: str
    source: str
    source_id: str
    refunded_at: datetime = instant()
    wanted: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    content_hash: str
    state: str = "waiting"
    problem: str | None = None
    recorded_at: datetime = instant()


class TouchPoint(Owned, table=True):
    """Something that passed between us and a customer, or somebody who may be one. It never changes."""

    __tablename__ = "touch_point"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source", "source_id"),
        Index(None, "tenant_id", "customer_id", "occurred_at", "id"),
        CheckConstraint("direction in ('inbound', 'outbound')", name="direction"),
        CheckConstraint("phase in ('before', 'during', 'after')", name="phase"),
        CheckConstraint("customer_id is not null or author is not null", name="of_somebody"),
    )

    customer_id: UUID | None
    author: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    source: str
    source_id: str
    channel: str
    direction: str
    phase: str | None
    subject: str | None
    body: str | None
    agent_id: str | None
    duration_seconds: int | None
    occurred_at: datetime = instant()
    data: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    content_hash: str
    recorded_at: datetime = instant()


class KnownCustomer(Owned, table=True):
    """A customer that the customers service has told of; the id is the customer's."""

    __tablename__ = "known_customer"


class AwaitedCustomer(Owned, table=True):
    """A customer that records name but nobody has told of yet; the id is the customer's."""

    __tablename__ = "awaited_customer"
    __table_args__ = (Index(None, "tenant_id", "since"),)

    since: datetime = instant()
    records: int = whole()
