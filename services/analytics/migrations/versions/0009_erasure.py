"""Erasure of persons.

Revision ID: 0009
"""

from chassis.db.migrations import add_erasure

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Remember erased persons, and let the worker erase rows about them."""
    add_erasure("analytics")
