"""Keep published events.

Revision ID: 0005
"""

from chassis.db.migrations import add_event_archive

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the archive of published events, the backlog, and the types of applied events."""
    add_event_archive("analytics")
