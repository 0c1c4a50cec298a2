"""Delete a tenant, and count its own waiting events.

Revision ID: 0007
"""

from chassis.db.migrations import add_tenant_deletion

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table of deleted tenants and the functions."""
    add_tenant_deletion("interactions")
