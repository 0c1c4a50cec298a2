"""Record with which facts of a tenant the periodic tasks have run.

Revision ID: 0007
"""

from chassis.db.migrations import add_settled_tenants

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column, and limit the counts of the status."""
    add_settled_tenants("analytics")
