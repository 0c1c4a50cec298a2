"""Store a tenant's facts as a single document.

Revision ID: 0002
"""

from chassis.db.migrations import store_tenant_facts_as_json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Replace the columns of the chassis' tenant table."""
    store_tenant_facts_as_json()
