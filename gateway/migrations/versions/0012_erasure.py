"""Erasure of persons.

Revision ID: 0012
"""

from alembic import op

from chassis.db.migrations import add_erasure, worker_role

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Remember erased persons, and let the worker remove the texts of their events."""
    add_erasure("gateway")
    op.execute(f"grant update (data) on feed_event to {worker_role('gateway')}")
