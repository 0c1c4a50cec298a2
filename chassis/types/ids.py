"""Identifiers: UUIDv7, so that records created in sequence are neighbours in an index."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """Return a new time-ordered id (RFC 9562, version 7)."""
    return _uuid7()


def first_uuid7_at(moment: datetime) -> UUID:
    """Return the lowest id of a moment, to compare ids with."""
    version, variant = 7 << 76, 2 << 62
    return UUID(int=int(moment.timestamp() * 1000) << 80 | version | variant)
