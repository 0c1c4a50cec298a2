"""Delete a tenant, and count its own waiting events.

Revision ID: 0008
"""

from chassis.db.migrations import add_tenant_deletion

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table of deleted tenants and the functions."""
    add_tenant_deletion("customers")
