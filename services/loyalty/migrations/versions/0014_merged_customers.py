"""Merged customers: where their rows belong, and which have moved.

Revision ID: 0014
"""

from chassis.db.migrations import add_redirects

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Keep merges, and let them move rows."""
    add_redirects("loyalty")
