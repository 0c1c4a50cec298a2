"""Every table of the gateway: tenants and what they may come in with."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from chassis import Table, Versioned, instant, new_registry


class Owned(Table, registry=new_registry()):
    """What the gateway owns."""


class TenantRecord(Versioned, Owned, table=True):
    """A tenant: a company that Rapport serves, or its sandbox. Its id is its tenant id."""

    __tablename__ = "tenant"
    __table_args__ = (
        CheckConstraint("kind in ('live', 'sandbox')", name="kind"),
        CheckConstraint("id = tenant_id", name="is_its_own_tenant"),
        CheckConstraint("clock_at is null or kind = 'sandbox'", name="only_sandboxes_stop_the_clock"),
    )
    audited: ClassVar[bool] = True

    name: str
    kind: str
    timezone: str
    currency: str
    region: str
    clock_at: datetime | None = instant(nullable=True, default=None)


class ApiKey(Versioned, Owned, table=True):
    """A credential. The secret itself is shown once and never stored."""

    __tablename__ = "api_key"
    __table_args__ = (Index("ix_api_key_id", "id"),)  # looked up before anyone knows whose it is
    audited: ClassVar[bool] = True

    name: str
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """SHA-256: the secret has 256 random bits, so a slow hash would protect nothing and cost every request."""
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    expires_at: datetime | None = instant(nullable=True, default=None)
    revoked_at: datetime | None = instant(nullable=True, default=None)
    last_used_at: datetime | None = instant(nullable=True, default=None)
