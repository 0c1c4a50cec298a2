"""The block list: erased persons who must not be recorded again, known by keyed hashes alone."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis import SURVIVES_RESTORE, belongs_to, index, timestamp, unique
from services.customers.base import Base


class BlockKey(Base, table=True):
    """The random key of a tenant's hashes: the inner and the outer pad of HMAC-SHA256 (RFC 2104)."""

    __tablename__ = "block_key"
    __table_args__ = (unique(), SURVIVES_RESTORE)

    inner_pad: bytes
    outer_pad: bytes


class Block(Base, table=True):
    """An erased person who must not be recorded again. Nothing in it is about the person but the erasure's id."""

    __tablename__ = "block"
    __table_args__ = (index("created_at", "id"), index("erasure_id"), SURVIVES_RESTORE)
    audited: ClassVar[bool] = True

    erasure_id: UUID
    identities: int
    """The number of the person's e-mail addresses, phone numbers and external ids."""
    actor: str
    created_at: datetime = timestamp()


class BlockedIdentity(Base, table=True):
    """The keyed hash of an e-mail address, a phone number or an external id of a blocked person."""

    __tablename__ = "blocked_identity"
    __table_args__ = (
        belongs_to("block_id", "block", cascade=True),
        unique("hash", "block_id"),
        index("block_id"),
        SURVIVES_RESTORE,
    )

    block_id: UUID
    hash: bytes
