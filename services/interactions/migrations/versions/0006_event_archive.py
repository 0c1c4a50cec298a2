"""Keep published events.

Revision ID: 0006
"""

from chassis.db.migrations import add_event_archive

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the archive of published events, the backlog, and the types of applied events."""
    add_event_archive("interactions")
