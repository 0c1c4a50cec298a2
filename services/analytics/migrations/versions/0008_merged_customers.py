"""Merged customers: where their rows belong, and which have moved.

Revision ID: 0008
"""

from alembic import op

from chassis.db.migrations import add_redirects, api_role, worker_role

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Keep merges, and let them move rows."""
    add_redirects("analytics")
    # Facts never change, but a merge moves them to the surviving customer.
    for table in ("purchase_fact", "refund_fact"):
        op.execute(f"grant update (customer_id) on {table} to {api_role('analytics')}, {worker_role('analytics')}")
