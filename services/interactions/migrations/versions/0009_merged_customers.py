"""Merged customers: where their rows belong, and which have moved.

Revision ID: 0009
"""

from alembic import op

from chassis.db.migrations import add_redirects, api_role, worker_role

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Keep merges, and let them move rows."""
    add_redirects("interactions")
    # The content of these records never changes, but a merge moves them to the surviving customer.
    for table in ("purchase", "refund", "touch_point"):
        op.execute(
            f"grant update (customer_id) on {table} to {api_role('interactions')}, {worker_role('interactions')}"
        )
