"""Identifiers: UUIDv7, so that records created in sequence are neighbours in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """Return a new time-ordered id (RFC 9562, version 7)."""
    return _uuid7()
