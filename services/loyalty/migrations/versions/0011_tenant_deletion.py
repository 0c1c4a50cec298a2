"""Delete a tenant, and count its own waiting events.

Revision ID: 0011
"""

from chassis.db.migrations import add_tenant_deletion

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table of deleted tenants and the functions."""
    add_tenant_deletion("loyalty")
