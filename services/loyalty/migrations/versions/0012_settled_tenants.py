"""Record with which facts of a tenant the periodic tasks have run.

Revision ID: 0012
"""

from chassis.db.migrations import add_settled_tenants

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column, and limit the counts of the status."""
    add_settled_tenants("loyalty")
