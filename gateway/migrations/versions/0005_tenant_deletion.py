"""Delete a tenant, and count its own waiting events.

Revision ID: 0005
"""

from chassis.db.migrations import add_tenant_deletion

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table of deleted tenants and the functions."""
    add_tenant_deletion("gateway")
