"""Erasure of persons.

Revision ID: 0010
"""

from alembic import op

from chassis.db.migrations import add_erasure, worker_role

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Remember erased persons, refuse their records, and let the worker remove the texts of their purchases."""
    add_erasure("interactions")
    for table in ("touch_point", "purchase"):
        op.execute(
            f"create trigger reject_erased after insert on {table} referencing new table as added "
            "for each statement execute function chassis.reject_erased()"
        )
    op.execute(f"grant update (source_id, content_hash, lines) on purchase to {worker_role('interactions')}")
    op.execute(f"grant update (source_id, content_hash) on refund to {worker_role('interactions')}")
