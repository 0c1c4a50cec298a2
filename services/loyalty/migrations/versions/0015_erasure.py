"""Erasure of persons.

Revision ID: 0015
"""

from alembic import op

from chassis.db.migrations import add_erasure, worker_role

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Remember erased persons, and let the worker remove the reasons of adjustments."""
    add_erasure("loyalty")
    op.execute(f"grant update (reason) on points_adjustment to {worker_role('loyalty')}")
