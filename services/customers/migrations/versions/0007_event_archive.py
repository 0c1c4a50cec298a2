"""Keep published events.

Revision ID: 0007
"""

from chassis.db.migrations import add_event_archive

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the archive of published events, the backlog, and the types of applied events."""
    add_event_archive("customers")
