"""Timelines read each table as far as a page needs it, instead of a view over all of them.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Drop the view."""
    op.execute("drop view timeline_entry")
