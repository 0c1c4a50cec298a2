"""Delete a tenant, and count its own waiting events.

Revision ID: 0006
"""

from chassis.db.migrations import add_tenant_deletion

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table of deleted tenants and the functions."""
    add_tenant_deletion("analytics")
